import Testing

@testable import PostgresStore

@Suite(.enabled(if: TestPostgres.isInstalled, "no Postgres is installed"))
struct ConnectionTests {
    private func connect() throws -> PostgresConnection {
        try PostgresConnection(ConnectionSettings(conninfo: TestPostgres.conninfo()))
    }

    @Test func valuesGoThereAndBackInBinary() throws {
        let connection = try connect()
        var parameters = Parameters()
        parameters.add(Int64.min)
        parameters.add(true)
        parameters.add("Gr\u{fc}\u{df}e \u{1F514}")
        parameters.add(bytes: [0, 255])
        parameters.add(nil as String?)
        let rows = try connection.run("SELECT $1, $2, $3, $4, $5", parameters)
        let row = try #require(rows.first)
        #expect(row.number(0) == .min && row.flag(1) && row.text(2) == "Gr\u{fc}\u{df}e \u{1F514}")
        #expect(row.bytes(3) == [0, 255] && row.isNull(4) && row.optionalText(4) == nil)
    }

    @Test func arraysAreUnnestedWithTheirNulls() throws {
        let connection = try connect()
        let texts = ArrayParameter.texts()
        texts.append("a")
        texts.appendNull()
        let blobs = ArrayParameter.bytes()
        blobs.append([1, 2])
        blobs.append([UInt8]())
        let flags = ArrayParameter.flags()
        flags.append(false)
        flags.append(true)
        var parameters = Parameters()
        for array in [texts, .numbers([7, -7]), blobs, flags] { parameters.add(array) }
        let rows = try connection.run("SELECT * FROM unnest($1, $2, $3, $4)", parameters)
        #expect(rows.map { $0.optionalText(0) } == ["a", nil])
        #expect(rows.map { $0.number(1) } == [7, -7])
        #expect(rows.map { $0.bytes(2) } == [[1, 2], []])
        #expect(rows.map { $0.flag(3) } == [false, true])
        var none = Parameters()
        none.add(ArrayParameter.texts())
        #expect(try connection.run("SELECT * FROM unnest($1)", none).count == 0)
    }

    @Test func aRefusalPassesOverTheRestAndLeavesTheConnectionFit() throws {
        let connection = try connect()
        try connection.send("SELECT 1::int8")
        try connection.send("SELECT 1 / 0")
        try connection.send("SELECT 2::int8")
        #expect(throws: PostgresFailure.self) { try connection.sync() }
        #expect(connection.isIdle)
        try connection.send("SELECT 2::int8")
        try connection.send("SELECT 1::int8")
        #expect(try connection.sync().map { $0.first?.number(0) } == [2, 1])
    }

    @Test func muchMoreThanTheSocketsHoldGoesBothWaysInOnePipeline() throws {
        let connection = try connect()
        let large = [UInt8](repeating: 7, count: 4 << 20)
        for _ in 0..<8 {
            var parameters = Parameters()
            parameters.add(bytes: large)
            try connection.send("SELECT $1", parameters)
        }
        let results = try connection.sync()
        #expect(results.count == 8)
        #expect(results.allSatisfy { $0.first?.byteCount(0) == large.count })
    }

    @Test func aKilledBackendIsNoticedBeforeItIsLent() throws {
        let pool = ConnectionPool(
            try ConnectionSettings(conninfo: TestPostgres.conninfo()), countMax: 1, waitSeconds: 1)
        let number: Statement = "SELECT pg_backend_pid()::int8"
        let first = try pool.lend { (connection) throws(PostgresFailure) in
            try connection.run(number).first?.number(0)
        }
        var parameters = Parameters()
        parameters.add(first)
        let killer = try connect()
        _ = try killer.run("SELECT pg_terminate_backend($1::int4, 5000)", parameters)
        let second = try pool.lend { (connection) throws(PostgresFailure) in
            try connection.run(number).first?.number(0)
        }
        #expect(second != nil && second != first)
        #expect(pool.counts.made == 2)
    }

    @Test func aPoolLendsNoMoreThanItHasAndWaitsABoundedTime() throws {
        let pool = ConnectionPool(
            try ConnectionSettings(conninfo: TestPostgres.conninfo()), countMax: 1, waitSeconds: 1)
        try pool.lend { (_) throws(PostgresFailure) in
            let failure = #expect(throws: PostgresFailure.self) { try pool.borrow() }
            #expect(failure?.kind == .poolExhausted)
        }
        _ = try pool.lend { (connection) throws(PostgresFailure) in try connection.run("SELECT 1") }
        #expect(pool.counts.made == 1 && pool.counts.waits == 1)
    }

    @Test func whatCannotBeReachedIsTold() throws {
        let failure = #expect(throws: PostgresFailure.self) {
            try PostgresConnection(ConnectionSettings(conninfo: "host=/nowhere dbname=x"))
        }
        #expect(failure?.kind == .unreachable)
        #expect(throws: PostgresFailure.self) { try ConnectionSettings(conninfo: "nonsense") }
    }
}
