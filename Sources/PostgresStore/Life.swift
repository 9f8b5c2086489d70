internal import Storage

/// Which life of a log a database holds, and whether it still is where it was written.
///
/// Beside the generation the row keeps where it lives: the cluster's system identifier, its timeline, the database's
/// oid, and the row's own `xmin`. What pg_restore writes has another `xmin`; a recovery to a point in time, or a standby
/// that took over, has another timeline. Where one differs, cursors may name what is not here: a new generation is given.
/// A part that may not be read is left out. VACUUM FULL, CLUSTER and a recovery after a crash keep all of them.
///
/// A restore is many transactions, and hubs may run meanwhile. Its tables come in the order of their names: the row of
/// `whole` comes last, its constraints after all data, and until then no new generation is given
/// (``LifeStatements/isWhole``): what came in later would be missed by whoever read under it.
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

    /// A row is not there: of a table that is still to be filled.
    static let missing = PostgresFailure(kind: .restoring, message: "the log has no generation yet")
    static let partial = PostgresFailure(kind: .restoring, message: "a part of it is there")

    static let sharedLock: Statement = "SELECT pg_advisory_xact_lock_shared($1)"
    static let exclusiveLock: Statement = "SELECT pg_advisory_xact_lock($1)"
}

/// The statements on the row, of what this database lets us read.
struct LifeStatements: Sendable {
    let reading: Statement
    /// The part of ``reading`` that each commit asks for: what changes under a connection. Behind a pooler that may be the
    /// server, too, so the timeline is among it; the system's number is a file that the server reads each time, 0.1 ms.
    let turn: Statement
    let renewal: Statement
    /// The part of ``reading`` that a restore into this server changes, for each read: whatever else differs comes with
    /// other connections, each of which is looked at.
    static let glance: Statement = """
        SELECT l.generation, l.row_version <> l.xmin::text OR w.row_version <> w.xmin::text, s.policy_revision,
            s.is_unfinished
        FROM log_life l, log_state s, whole w
        """
    /// Whether all that a restore brings is there, asked under the lock that keeps our own commits out: the constraints
    /// that it makes last, and nobody who still writes to a table of ours.
    static let isWhole = Statement(
        """
        WITH ours AS (
            SELECT t.oid, t.relname FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
            WHERE n.nspname = current_schema() AND t.relkind = 'r'
        )
        SELECT (SELECT count(*) FROM pg_constraint c JOIN ours ON ours.oid = c.conrelid
                WHERE c.contype = 'f' AND ours.relname IN ('keys', 'devices')) >= 2
            AND NOT EXISTS (SELECT FROM pg_locks l JOIN ours ON ours.oid = l.relation
                WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND ours.relname IN ('versions', 'history', 'spaces') AND l.pid <> pg_backend_pid()
                    AND l.granted AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                        'AccessExclusiveLock'))
        """, isPrepared: false)

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
        let moved = """
            coalesce(l.timeline <> \(timeline), false) OR l.row_version <> l.xmin::text OR w.row_version <> w.xmin::text
            """
        reading = Statement(
            """
            SELECT l.generation, coalesce(l.system_identifier <> \(system), false)
                OR coalesce(l.database_oid <> \(database), false) OR \(moved), s.policy_revision, s.is_unfinished
            FROM log_life l, log_state s, whole w
            """)
        turn = Statement(
            """
            SELECT l.generation, \(moved), s.policy_revision, s.is_unfinished FROM log_life l, log_state s, whole w
            """)
        renewal = Statement(
            """
            WITH rest AS (UPDATE whole SET row_version = pg_current_xact_id()::xid::text)
            UPDATE log_life SET generation = $1, system_identifier = \(system), timeline = \(timeline),
                database_oid = \(database), row_version = pg_current_xact_id()::xid::text
            """, isPrepared: false)
    }
}
