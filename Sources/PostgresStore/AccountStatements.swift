internal import Causality
internal import Storage

/// The statements on users, keys, devices and revocations, and how their rows are read.
enum AccountStatements {
    /// Whoever adds a user or a team holds it: the names and ids of both are in two tables.
    static let lockNames: Statement = "SELECT FROM log_state FOR UPDATE"
    static let addUser: Statement = """
        INSERT INTO users (id, name, email, tier, device_limit, record_limit) SELECT $1, $2, $3, $4, $5, $6
        WHERE NOT EXISTS (SELECT FROM teams WHERE id = $1 OR name = $2) RETURNING id
        """
    static let userNamed: Statement = """
        SELECT id, name, email, tier, device_limit, record_limit, password_hash FROM users WHERE name = $1
        """
    static let userOfID: Statement = """
        SELECT id, name, email, tier, device_limit, record_limit, password_hash FROM users WHERE id = $1
        """
    /// The second condition is the index's own.
    static let userOfEmail: Statement = """
        SELECT id, name, email, tier, device_limit, record_limit, password_hash FROM users
        WHERE email = $1 AND email <> ''
        """
    static let users: Statement = """
        SELECT id, name, email, tier, device_limit, record_limit, password_hash FROM users ORDER BY name
        """
    static let updateUser: Statement = """
        WITH updated AS (
            UPDATE users SET email = $2, tier = $3, device_limit = $4, record_limit = $5 WHERE id = $1 RETURNING id
        ), counted AS (
            UPDATE log_state SET revocation_mark = revocation_mark + 1 WHERE EXISTS (
                SELECT FROM users WHERE id = $1 AND (tier, device_limit, record_limit) <> ($3, $4, $5))
            RETURNING revocation_mark
        ), noted AS (
            INSERT INTO revocations (number, user_id) SELECT revocation_mark, $1 FROM counted
        ), forgotten AS (
            DELETE FROM revocations USING counted WHERE number <= revocation_mark - $6
        )
        SELECT EXISTS (SELECT FROM updated)
        """
    static let setPassword: Statement = "UPDATE users SET password_hash = $2 WHERE id = $1 RETURNING id"

    static let addKey: Statement = """
        INSERT INTO keys (prefix, user_id, secret_hash, label, created_at, revoked_at, encryption_salt)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """
    static let key: Statement = """
        SELECT prefix, user_id, secret_hash, label, created_at, revoked_at, encryption_salt FROM keys WHERE prefix = $1
        """
    /// The columns of a key, then those of its user.
    static let holder: Statement = """
        SELECT k.prefix, k.user_id, k.secret_hash, k.label, k.created_at, k.revoked_at, k.encryption_salt,
            u.id, u.name, u.email, u.tier, u.device_limit, u.record_limit
        FROM keys k JOIN users u ON u.id = k.user_id WHERE k.prefix = $1
        """
    static let keys: Statement = """
        SELECT prefix, user_id, secret_hash, label, created_at, revoked_at, encryption_salt FROM keys
        WHERE user_id = $1 ORDER BY created_at, prefix
        """

    /// Its notes go with the registration before.
    static let register: Statement = """
        WITH registered AS (
            INSERT INTO devices (space, id, replica, name, platform, registered_at, last_seen_at, registration_key,
                client_version)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (space, id) DO UPDATE SET replica = excluded.replica, name = excluded.name,
                platform = excluded.platform, registered_at = excluded.registered_at,
                last_seen_at = excluded.last_seen_at, registration_key = excluded.registration_key,
                client_version = excluded.client_version, acknowledged = NULL, connected_until = NULL
        )
        DELETE FROM notes WHERE space = $1 AND device = $2
        """
    /// Registrations of one user that count their devices come one after another.
    static let lockUser: Statement = "SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE"
    /// Leaves the row as it is where it was registered under the same key, and adds none beyond $10 of them.
    static let registerOnce: Statement = """
        WITH registered AS (
            INSERT INTO devices (space, id, replica, name, platform, registered_at, last_seen_at, registration_key,
                client_version)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
            WHERE $10 IS NULL OR EXISTS (SELECT FROM devices WHERE space = $1 AND id = $2)
                OR (SELECT count(*) FROM devices WHERE space = $1) < $10
            ON CONFLICT (space, id) DO UPDATE SET replica = excluded.replica, name = excluded.name,
                platform = excluded.platform, registered_at = excluded.registered_at,
                last_seen_at = excluded.last_seen_at, registration_key = excluded.registration_key,
                client_version = excluded.client_version, acknowledged = NULL, connected_until = NULL
            WHERE (devices.registration_key = excluded.registration_key) IS NOT TRUE
            RETURNING id
        )
        DELETE FROM notes WHERE space = $1 AND device = $2 AND EXISTS (SELECT FROM registered)
        """
    static let device: Statement = """
        SELECT space, id, replica, name, platform, registered_at, last_seen_at, acknowledged, registration_key,
            connected_until, client_version
        FROM devices WHERE space = $1 AND id = $2
        """
    static let devices: Statement = """
        SELECT space, id, replica, name, platform, registered_at, last_seen_at, acknowledged, registration_key,
            connected_until, client_version
        FROM devices WHERE space = $1 ORDER BY registered_at, id
        """
    static let acknowledge: Statement = """
        UPDATE devices SET acknowledged = greatest(acknowledged, $3), last_seen_at = greatest(last_seen_at, $4)
        WHERE space = $1 AND id = $2
        """

    /// What ``note`` takes for "it has gone": no position.
    static let isGone = Int64.min
    static let note: Statement = """
        UPDATE devices d SET connected_until = nullif(p.connected_until, $4)
        FROM unnest($1, $2, $3) AS p (space, id, connected_until) WHERE d.space = p.space AND d.id = p.id
        """

    static let revokeKey: Statement = """
        WITH revoked AS (
            UPDATE keys SET revoked_at = $2 WHERE prefix = $1 AND revoked_at IS NULL RETURNING prefix
        ), counted AS (
            UPDATE log_state SET revocation_mark = revocation_mark + 1 WHERE EXISTS (SELECT FROM revoked)
            RETURNING revocation_mark
        ), noted AS (
            INSERT INTO revocations (number, prefix) SELECT revocation_mark, $1 FROM counted
        ), forgotten AS (
            DELETE FROM revocations USING counted WHERE number <= revocation_mark - $3
        )
        SELECT EXISTS (SELECT FROM keys WHERE prefix = $1)
        """
    static let removeDevice: Statement = """
        WITH removed AS (
            DELETE FROM devices WHERE space = $1 AND id = $2 RETURNING id
        ), counted AS (
            UPDATE log_state SET revocation_mark = revocation_mark + 1 WHERE EXISTS (SELECT FROM removed)
            RETURNING revocation_mark
        ), noted AS (
            INSERT INTO revocations (number, user_id, device) SELECT revocation_mark, $1, $2 FROM counted
        ), forgotten AS (
            DELETE FROM revocations USING counted WHERE number <= revocation_mark - $3
        )
        SELECT EXISTS (SELECT FROM removed)
        """
    /// The mark, and all that came after $1; of a mark that is none of this count, all there is. One row at least.
    static let revocations: Statement = """
        SELECT s.revocation_mark, r.number, r.prefix, r.device, r.user_id, r.team
        FROM log_state s LEFT JOIN revocations r
            ON r.number > CASE WHEN $1 BETWEEN 0 AND s.revocation_mark THEN $1 WHEN $1 IS NOT NULL THEN 0 END
        ORDER BY r.number
        """
}

extension User {
    init(_ row: Row) { self.init(row, from: 0) }

    init(_ row: Row, from first: Int32) {
        let tier = Tier(
            name: row.text(first + 3), deviceLimit: Int(row.number(first + 4)),
            recordLimit: Int(row.number(first + 5)))
        self.init(id: row.name(first), name: row.name(first + 1), email: row.text(first + 2), tier: tier)
    }
}

extension APIKeyRecord {
    init(_ row: Row) {
        self.init(
            prefix: row.text(0), userID: row.name(1), secretHash: row.bytes(2), label: row.text(3),
            createdAt: row.position(4), revokedAt: row.optionalPosition(5),
            encryptionSalt: row.isNull(6) ? nil : row.bytes(6))
    }
}

extension Device {
    init(_ row: Row) {
        self.init(
            userID: row.name(0), id: row.name(1), replica: row.name(2), name: row.text(3), platform: row.text(4),
            registeredAt: row.position(5), lastSeenAt: row.position(6), acknowledged: row.optionalPosition(7),
            registrationKey: row.optionalText(8), connectedUntil: row.optionalPosition(9),
            clientVersion: row.text(10))
    }
}
