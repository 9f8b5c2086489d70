import ClaudeMemoryDialect
import ContextFSDialect
import Hub
import Testing
import WatermelonDBDialect

@Test func dialectsHaveTheNamesOfTheirClients() {
    let dialects: [any Dialect] = [ContextFSDialect(), ClaudeMemoryDialect(), WatermelonDBDialect()]
    #expect(dialects.map(\.name) == ["contextfs", "claude-memory", "watermelondb"])
}
