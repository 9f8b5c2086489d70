internal import ArgumentParser
internal import CarillonClient
internal import Foundation
internal import Hub

/// Which hub, and who asks.
struct HubOptions: ParsableArguments {
    @Option(help: "The hub, http://host:port. Else CARILLON_URL, else \(HubURL.standard).")
    var url: String?
    @Option(help: "The API key. Else CARILLON_KEY, which does not show in the list of processes.")
    var key: String?

    static var program: String { "carillon/\(Hub.version)" }

    func hubURL() throws -> HubURL {
        guard let text = url ?? environment("CARILLON_URL") else { return .standard }
        do throws(HubURLError) {
            return try HubURL(parsing: text)
        } catch {
            throw CommandFailure(.usage, "\"\(text)\" is no hub's URL: \(error.sentence).")
        }
    }

    func apiKey() throws -> String {
        guard let key = key ?? environment("CARILLON_KEY") else {
            throw CommandFailure(
                .usage, "There is no API key.",
                remedy: "Pass --key or set CARILLON_KEY; `carillon key create USER` makes one.")
        }
        // It becomes a header field.
        guard !key.isEmpty, key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw CommandFailure(.usage, "The API key holds characters that no key has.")
        }
        return key
    }

    func rest() throws -> RESTClient {
        var rest = RESTClient(url: try hubURL(), key: try apiKey())
        rest.client = HubOptions.program
        return rest
    }

    private func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension CommandFailure {
    init(_ error: ClientError) {
        let code = error.code.map { " [\($0)]" } ?? ""
        self.init(ExitStatus(error), error.sentence + code, remedy: error.remedy)
    }
}

extension ExitStatus {
    init(_ error: ClientError) {
        switch error.cause {
        case .unreachable, .notHub: self = .hubUnavailable
        case .unauthorized: self = .notAuthorised
        case .temporary: self = .temporary
        case .notFound: self = .notAccepted
        case .refused: self = .badInput
        }
    }
}

/// Runs `body`, with a client's error told as a command's.
func asking<Value>(_ body: () throws(ClientError) -> Value) throws -> Value {
    do throws(ClientError) {
        return try body()
    } catch {
        throw CommandFailure(error)
    }
}
