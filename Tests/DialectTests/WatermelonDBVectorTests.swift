import HubTesting
import Testing

@Suite("WatermelonDB wire exchanges", .timeLimit(.minutes(5)))
struct WatermelonDBVectorTests {
    @Test(
        "the hub answers as the contract says",
        arguments: HubStore.allCases,
        ["watermelondb-docs-form", "watermelondb-seed-form", "watermelondb-conflicts", "watermelondb-refusals"])
    func replay(store: HubStore, name: String) throws {
        try ExchangeVectors.load(name).replay(on: TestHub.watermelon(store))
    }
}
