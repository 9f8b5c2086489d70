internal import ArgumentParser
internal import CarillonClient
internal import Causality

/// `carillon conflicts`: records with unresolved versions, side by side.
struct ConflictsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conflicts", abstract: "Show records with concurrent versions, side by side.",
        discussion: """
            The head is number 1 and what every device shows meanwhile; its siblings follow, oldest first. Settle a \
            record with `carillon resolve`.

              carillon conflicts
              carillon conflicts --kind note --json | jq -r .id
              carillon resolve note hello --keep 2 --device laptop
            """)

    @Option(help: "Only this kind.", transform: { try Names.identifier($0, "kind") })
    var kind: Identifier?
    @Flag(help: "One JSON object per record and line: kind, id, head, siblings.")
    var json = false
    @OptionGroup var hub: SpaceOptions

    func run() throws {
        let rest = try hub.rest()
        var next: String?
        var count = 0
        repeat {
            let page = try page(rest, after: next)
            for conflict in page.conflicts {
                count += 1
                try Output.write(json ? Lines.one(conflict.json) : Array(VersionTable(conflict.record).text.utf8))
            }
            // A page that leads to itself would be read for ever.
            guard page.next == nil || page.next != next else { break }
            next = page.next
        } while next != nil
        if count == 0, !json { Terminal.complain("There are no conflicts.") }
    }

    private func page(_ rest: RESTClient, after: String?) throws -> ConflictsPage {
        var query: [(String, String)] = []
        if let kind { query.append(("kind", kind.text)) }
        if let after { query.append(("after", after)) }
        let asked = query
        let bytes = try asking { () throws(ClientError) in try rest.get(["v1", "conflicts"], query: asked) }
        guard let page = ConflictsPage(bytes) else {
            throw CommandFailure(.hubUnavailable, "The hub's answer is no list of conflicts.")
        }
        return page
    }
}

/// JSON in NDJSON.
enum Lines {
    /// Line breaks stand between JSON's tokens only, never inside a string: as spaces they mean the same.
    static func one(_ json: some Sequence<UInt8>) -> [UInt8] {
        json.map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 } + [0x0a]
    }
}
