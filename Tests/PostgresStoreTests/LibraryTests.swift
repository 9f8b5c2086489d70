import Testing

@testable import PostgresStore

@Suite("The linked libpq")
struct LibraryTests {
    @Test("has pipeline mode")
    func version() {
        #expect(PostgresLibrary.version >= 140_000)
    }
}
