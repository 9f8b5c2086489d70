internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Wire

/// `carillon get`: one record.
struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Print one record.",
        discussion: """
            Prints the body as it was pushed, byte for byte, on standard output; unresolved siblings are named on \
            standard error.

              carillon get note hello
              carillon get note hello --json | jq .head.clock
            """)

    @Argument(help: "The record's kind.", transform: { try Names.identifier($0, "kind") })
    var kind: Identifier
    @Argument(help: "The record's id.", transform: { try Names.identifier($0, "id") })
    var id: Identifier
    @OptionGroup var hub: SpaceOptions
    @Flag(help: "Print the hub's answer as it is: head and siblings, with clocks and positions.")
    var json = false

    func run() throws {
        let rest = try hub.rest()
        let bytes = try asking { () throws(ClientError) in try rest.get(["v1", "records", kind.text, id.text]) }
        if json {
            try Output.write(bytes + [UInt8(ascii: "\n")])
            return
        }
        let record: Record
        do throws(FrameError) {
            record = try RecordAnswer.decode(bytes)
        } catch {
            throw CommandFailure(.hubUnavailable, "The hub's answer is no record: \(error.message).")
        }
        if record.head.change.isDeleted { Terminal.complain(OneLine.clean("\(kind)/\(id) is deleted.")) }
        if !record.head.change.body.isEmpty { try Output.write(Array(record.head.change.body) + [UInt8(ascii: "\n")]) }
        if !record.head.detail.isEmpty { Terminal.complain(OneLine.clean(record.head.detail)) }
        guard !record.siblings.isEmpty else { return }
        let count = record.siblings.count
        Terminal.complain(
            "\(count) unresolved concurrent \(count == 1 ? "version" : "versions"), which `carillon conflicts` shows:")
        for sibling in record.siblings {
            let author = sibling.author.text.isEmpty ? "the hub" : sibling.author.text
            let why = [sibling.reason.rawValue, sibling.detail].filter { !$0.isEmpty }.joined(separator: ": ")
            Terminal.complain(
                OneLine.clean("  \(Clock.text(sibling.position.microseconds))  by \(author)  \(why)"))
        }
    }
}
