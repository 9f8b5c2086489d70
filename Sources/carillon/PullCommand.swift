internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Wire

/// `carillon pull`: a page of the log, or all of it.
struct PullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Print records as they stand in the log, once.",
        discussion: """
            Prints the newest version of each record in the order of the log, and the next cursor on standard error.

              carillon pull --all --json > records.ndjson
              carillon pull --limit 100 --kind note
              carillon pull --cursor c1.…
            """)

    @Option(help: "Begin behind this cursor; at the log's beginning unless told.")
    var cursor: String?
    @Option(help: "Entries of one page, 1 to 10,000.")
    var limit: Int?
    @OptionGroup var filters: FilterOptions
    @Flag(help: "Go on until there is no more.")
    var all = false
    @Flag(help: "One JSON object per line, bodies byte for byte.")
    var json = false
    @OptionGroup var hub: SpaceOptions

    func validate() throws {
        if let limit, !(1...10_000).contains(limit) { throw ValidationError("--limit is a number from 1 to 10000.") }
    }

    func run() throws {
        let rest = try hub.rest()
        // All of it is one answer: its lines are handed on as they come.
        if all, json, cursor == nil, limit == nil, filters.isExact { return try stream(rest) }
        let printer = EntryPrinter(isJSON: json)
        var place = cursor
        var hasMore = true
        repeat {
            let page = try page(rest, after: place)
            var out: [UInt8] = []
            for entry in page.changes where filters.admits(entry.change) { printer.append(entry, into: &out) }
            try Output.write(out)
            place = page.cursor.text
            hasMore = page.hasMore
        } while all && hasMore
        if let place { Terminal.complain("\(hasMore ? "More" : "The end"): --cursor \(place)") }
    }

    private func stream(_ rest: RESTClient) throws {
        var (counted, lines) = (ExportStream(), EntryLines())
        do {
            try rest.stream(
                ["v1", "export"], query: filters.query + [("deleted", "true")], accept: "application/x-ndjson"
            ) { bytes in
                counted.take(bytes)
                try lines.take(bytes) { try Output.write($0) }
            }
        } catch let error as ClientError {
            throw CommandFailure(error)
        }
        guard let closing = counted.closing else {
            throw CommandFailure(.temporary, "The hub's answer broke off after \(counted.lineCount) lines.")
        }
        Terminal.complain("The end: --cursor \(closing.cursor)")
    }

    private func page(_ rest: RESTClient, after place: String?) throws -> PullPage {
        var query: [(String, String)] = []
        if let place { query.append(("cursor", place)) }
        if let limit { query.append(("limit", String(limit))) }
        query += filters.query
        let asked = query
        let bytes = try asking { () throws(ClientError) in try rest.get(["v1", "pull"], query: asked) }
        do throws(FrameError) {
            return try PullPage.decode(bytes)
        } catch {
            throw CommandFailure(.hubUnavailable, "The hub's answer is no page: \(error.message).")
        }
    }
}
