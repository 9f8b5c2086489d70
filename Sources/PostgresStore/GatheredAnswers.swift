internal import Causality
internal import Storage

/// The kept answers of one transaction: those that were read, and those that go with its commit.
struct GatheredAnswers {
    struct Place: Hashable {
        let space: Identifier
        let device: Identifier
        let key: AnswerKey
    }

    private var known: [Place: KeptAnswer?] = [:]
    /// In the order of keeping, each place once.
    private var kept: [Place] = []

    /// The answer at `place`: nil where nobody looked, nil inside where there is none.
    subscript(place: Place) -> KeptAnswer?? { known[place] }

    var isEmpty: Bool { kept.isEmpty }

    /// What ``reading`` takes to look at all places at once; nil where there is none.
    static func places(_ touched: [TouchedRecords]) -> [Place] {
        touched.flatMap { touched in
            touched.requests.map { Place(space: touched.space, device: $0.device, key: $0.key) }
        }
    }

    static func parameters(_ places: [Place]) -> Parameters {
        var parameters = Parameters()
        parameters.add(ArrayParameter.texts(places.map(\.space)))
        parameters.add(ArrayParameter.texts(places.map(\.device)))
        let pushes = ArrayParameter.bytes()
        let digests = ArrayParameter.bytes()
        for place in places {
            // As bytes: a device may put any character into a push's id, a NUL too.
            pushes.append(Array(place.key.pushID.utf8))
            digests.append(place.key.digest)
        }
        parameters.add(pushes)
        parameters.add(digests)
        return parameters
    }

    /// Takes the rows of ``reading`` for `places`.
    mutating func note(_ rows: Rows, of places: [Place]) throws(PostgresFailure) {
        for place in places { known[place] = .some(nil) }
        for row in rows {
            let key = AnswerKey(pushID: row.text(2), digest: row.bytes(3))
            known[Place(space: row.name(0), device: row.name(1), key: key)] =
                KeptAnswer(keptAt: row.position(4), items: row.bytes(5))
        }
    }

    mutating func keep(_ answer: KeptAnswer, at place: Place) {
        kept.removeAll { $0 == place }
        kept.append(place)
        known[place] = answer
    }

    /// Queues what was kept, and what is removed for it.
    mutating func send(_ connection: PostgresConnection) throws(PostgresFailure) {
        guard !kept.isEmpty else { return }
        defer { kept = [] }
        let times = ArrayParameter.numbers()
        let items = ArrayParameter.bytes()
        var latest = Position.start
        for place in kept {
            guard let answer = known[place] ?? nil else { continue }
            times.append(answer.keptAt.microseconds)
            items.append(answer.items)
            latest = max(latest, answer.keptAt)
        }
        var insertion = GatheredAnswers.parameters(kept)
        insertion.add(times)
        insertion.add(items)
        try connection.send(GatheredAnswers.insertion, insertion)

        let devices = Set(kept.map { RecordName(kind: $0.space, id: $0.device) }).sorted()
        var excess = Parameters()
        excess.add(ArrayParameter.texts(devices.map(\.kind)))
        excess.add(ArrayParameter.texts(devices.map(\.id)))
        excess.add(Int64(KeptAnswer.countMax))
        excess.add(Int64(KeptAnswer.deviceBytesMax))
        try connection.send(GatheredAnswers.removalOfExcess, excess)

        var expired = Parameters()
        expired.add(ArrayParameter.texts(Set(kept.map(\.space)).sorted()))
        expired.add(latest.microseconds - KeptAnswer.ageMax)
        expired.add(Int64(KeptAnswer.removedMax))
        try connection.send(GatheredAnswers.removalOfExpired, expired)
    }

    static let reading: Statement = """
        SELECT a.space, a.device, a.push, a.digest, a.kept_at, a.items
        FROM unnest($1, $2, $3, $4) AS asked (space, device, push, digest)
            JOIN answers a ON a.space = asked.space AND a.device = asked.device AND a.push = asked.push
                AND a.digest = asked.digest
        """
    /// One that was kept and has expired takes a new number, as the newest.
    private static let insertion: Statement = """
        INSERT INTO answers (space, device, push, digest, kept_at, items)
        SELECT space, device, push, digest, kept_at, items
        FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY
            AS kept (space, device, push, digest, kept_at, items, place)
        ORDER BY place
        ON CONFLICT (space, device, push, digest) DO UPDATE
            SET number = excluded.number, kept_at = excluded.kept_at, items = excluded.items
        """
    /// Those of a device past the newest $3, or past $4 bytes of them; the newest stays.
    private static let removalOfExcess: Statement = """
        DELETE FROM answers a USING (
            SELECT o.space, o.device, o.number, row_number() OVER newest AS rank,
                sum(octet_length(o.items)) OVER newest AS bytes
            FROM unnest($1, $2) AS own (space, device)
                JOIN answers o ON o.space = own.space AND o.device = own.device
            WINDOW newest AS (PARTITION BY o.space, o.device ORDER BY o.number DESC)
        ) AS old
        WHERE a.space = old.space AND a.device = old.device AND a.number = old.number
            AND old.rank > 1 AND (old.rank > $3 OR old.bytes > $4)
        """
    private static let removalOfExpired: Statement = """
        DELETE FROM answers a USING (
            SELECT space, device, number FROM answers WHERE space = ANY ($1) AND kept_at < $2
            ORDER BY kept_at LIMIT $3
        ) AS old
        WHERE a.space = old.space AND a.device = old.device AND a.number = old.number
        """
}
