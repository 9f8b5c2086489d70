internal import Causality
internal import Storage

/// The statements on teams and on notes, and how their rows are read.
enum TeamStatements {
    static let addTeam: Statement = """
        INSERT INTO teams (id, name) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM users WHERE id = $1 OR name = $2)
        RETURNING id
        """
    static let teamNamed: Statement = "SELECT id, name FROM teams WHERE name = $1"
    static let teamOfID: Statement = "SELECT id, name FROM teams WHERE id = $1"
    static let teams: Statement = "SELECT id, name FROM teams ORDER BY name"

    /// Who comes in is counted: of one team, and of one user, one comes after another.
    static let lockTeam: Statement = "SELECT id FROM teams WHERE id = $1 FOR NO KEY UPDATE"
    /// In the statement's own snapshot nobody has come in yet.
    static let setMember: Statement = """
        WITH present AS (
            SELECT FROM members WHERE team_id = $1 AND user_id = $2
        ), joined AS (
            INSERT INTO members (team_id, user_id, role) SELECT $1, $2, $3
            WHERE EXISTS (SELECT FROM present) OR (
                (SELECT count(*) FROM members WHERE team_id = $1) < $4
                AND (SELECT count(*) FROM members WHERE user_id = $2) < $5)
            ON CONFLICT (team_id, user_id) DO UPDATE SET role = excluded.role
            RETURNING user_id
        ), counted AS (
            UPDATE log_state SET revocation_mark = revocation_mark + 1
            WHERE EXISTS (SELECT FROM joined) AND NOT EXISTS (SELECT FROM present)
            RETURNING revocation_mark
        ), noted AS (
            INSERT INTO revocations (number, user_id, team) SELECT revocation_mark, $2, $1 FROM counted
        ), forgotten AS (
            DELETE FROM revocations USING counted WHERE number <= revocation_mark - $6
        )
        SELECT EXISTS (SELECT FROM joined), (SELECT count(*) FROM members WHERE team_id = $1) >= $4
        """
    static let removeMember: Statement = """
        WITH removed AS (
            DELETE FROM members WHERE team_id = $1 AND user_id = $2 RETURNING user_id
        ), counted AS (
            UPDATE log_state SET revocation_mark = revocation_mark + 1 WHERE EXISTS (SELECT FROM removed)
            RETURNING revocation_mark
        ), noted AS (
            INSERT INTO revocations (number, user_id, team) SELECT revocation_mark, $2, $1 FROM counted
        ), forgotten AS (
            DELETE FROM revocations USING counted WHERE number <= revocation_mark - $3
        )
        SELECT EXISTS (SELECT FROM removed)
        """
    static let members: Statement = """
        SELECT team_id, user_id, role FROM members WHERE team_id = $1 ORDER BY user_id
        """
    static let memberships: Statement = """
        SELECT team_id, user_id, role FROM members WHERE user_id = $1 ORDER BY team_id
        """
    static let teammates: Statement = """
        SELECT DISTINCT mate.user_id FROM members own JOIN members mate ON mate.team_id = own.team_id
        WHERE own.user_id = $1 AND mate.user_id <> $1 ORDER BY mate.user_id
        """

    static let note: Statement = "SELECT note FROM notes WHERE space = $1 AND device = $2 AND name = $3"
    /// Devices of which something is kept: few.
    static let noted: Statement = "SELECT DISTINCT device FROM notes WHERE space = $1"
    static let notes: Statement = """
        SELECT name, note FROM notes WHERE space = $1 AND device = $2 ORDER BY number
        """
    /// The device's row is held, so that its notes are kept one after another and it does not go meanwhile.
    static let lockDevice: Statement = "SELECT id FROM devices WHERE space = $1 AND id = $2 FOR NO KEY UPDATE"
    static let keepNote: Statement = """
        INSERT INTO notes (space, device, name, note)
        SELECT space, id, $3, $4 FROM devices WHERE space = $1 AND id = $2
        ON CONFLICT (space, device, name) DO UPDATE SET note = excluded.note, number = excluded.number
        """
    static let dropNotes: Statement = """
        DELETE FROM notes WHERE space = $1 AND device = $2 AND number < (
            SELECT min(number) FROM (
                SELECT number FROM notes WHERE space = $1 AND device = $2 ORDER BY number DESC LIMIT $3) AS newest)
        """
}

extension Team {
    init(_ row: Row) { self.init(id: row.name(0), name: row.name(1)) }
}

extension Membership {
    init(_ row: Row) {
        // A role of a later program gives nothing that this one knows.
        self.init(teamID: row.name(0), userID: row.name(1), role: Role(rawValue: row.text(2)) ?? .member)
    }
}
