import Testing

/// The vectors' own comparison: it must see what differs.
@Suite("Exchange vectors")
struct ExchangeVectorTests {
    @Test("numbers, booleans and order are told apart, kept numbers are found again")
    func comparison() {
        var kept: [String: Int64] = [:]
        func differs(_ wanted: JSONValue, _ found: JSONValue) -> Bool {
            wanted.difference(from: found, at: "body", &kept) != nil
        }
        #expect(!differs(.string("{int:t}"), .integer(7)))
        #expect(kept["t"] == 7)
        #expect(!differs(.string("{t}"), .integer(7)))
        #expect(differs(.string("{t}"), .integer(8)))
        #expect(differs(.string("{int:u}"), .number(7.5)))
        #expect(differs(.integer(1), .boolean(true)))
        #expect(differs(.integer(0), .null))
        #expect(differs(.array([.integer(1), .integer(2)]), .array([.integer(2), .integer(1)])))
        #expect(differs(.object(["a": .integer(1)]), .object(["a": .integer(1), "b": .null])))
        #expect(!differs(.object(["a": .integer(1), "...": .null]), .object(["a": .integer(1), "b": .null])))
        #expect(differs(.object(["a": .integer(1)]), .object([:])))
    }
}
