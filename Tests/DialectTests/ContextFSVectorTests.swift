import ContextFSDialect
import Hub
import HubTesting
import Testing

/// The exchanges of Protocol/dialects/vectors/contextfs-*.json.
@Suite("ContextFS vectors")
struct ContextFSVectorTests {
    @Test("the exchanges of the vectors are answered as written", arguments: HubStore.allCases, ["sync", "refusals"])
    func replayed(_ store: HubStore, name: String) throws {
        try ExchangeVectors.load("contextfs-\(name)").replay(on: try ContextFSHub(store).hub)
    }
}
