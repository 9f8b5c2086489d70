internal import Storage

/// Which life of a log a database holds, and whether it still is where it was written.
///
/// Beside the generation the row keeps where it lives: the cluster's system identifier, its timeline, the database's
/// oid, and the row's own `xmin`. What pg_restore writes has another `xmin`; a recovery to a point in time, or a standby
/// that took over, has another timeline. Where one differs, cursors may name what is not here: a new generation is given.
/// A part that may not be read is left out.
struct Life: Sendable {
    let generation: Generation
    let isElsewhere: Bool
    let policyRevision: Int64
    let isUnfinished: Bool

    init(_ row: Row) {
        generation = Generation(UInt64(bitPattern: row.number(0)))
        isElsewhere = row.flag(1)
        policyRevision = row.number(2)
        isUnfinished = row.flag(3)
    }

    static let sharedLock: Statement = "SELECT pg_advisory_xact_lock_shared($1)"
    static let exclusiveLock: Statement = "SELECT pg_advisory_xact_lock($1)"
}

/// The statements on the row, of what this database lets us read.
struct LifeStatements: Sendable {
    let reading: Statement
    let renewal: Statement
    let forgetting: Statement = Statement(
        "UPDATE log_life SET generation = $1, row_version = ''", isPrepared: false)

    static let permissions = Statement(
        """
        SELECT coalesce(has_function_privilege(to_regprocedure('pg_control_system()'), 'execute'), false),
            coalesce(has_function_privilege(to_regprocedure('pg_walfile_name(pg_lsn)'), 'execute')
                AND has_function_privilege(to_regprocedure('pg_current_wal_lsn()'), 'execute'), false)
        """, isPrepared: false)

    init(readsSystem: Bool, readsTimeline: Bool) {
        let system = readsSystem ? "(SELECT system_identifier::text FROM pg_control_system())" : "NULL::text"
        let timeline =
            readsTimeline
            ? "CASE WHEN NOT pg_is_in_recovery() THEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END"
            : "NULL::text"
        let database = "(SELECT oid::text FROM pg_database WHERE datname = current_database())"
        reading = Statement(
            """
            SELECT l.generation, coalesce(l.system_identifier <> \(system), false)
                OR coalesce(l.timeline <> \(timeline), false) OR coalesce(l.database_oid <> \(database), false)
                OR l.row_version <> l.xmin::text, s.policy_revision, s.is_unfinished
            FROM log_life l, log_state s
            """)
        renewal = Statement(
            """
            UPDATE log_life SET generation = $1, system_identifier = \(system), timeline = \(timeline),
                database_oid = \(database), row_version = pg_current_xact_id()::xid::text
            """, isPrepared: false)
    }
}
