import Causality
import HTTP
import HTTPTypes
import Hub
import HubTesting
import Reactor
import Storage

/// A dialect for tests of the hub's side: takes bodies, gives bodies, and says in text what went wrong.
final class ProbeDialect: Dialect {
    /// Requests that reached a route.
    let askedCount = Guarded(0)
    let bodyBytesMax: Int

    init(bodyBytesMax: Int = 256 << 20) {
        self.bodyBytesMax = bodyBytesMax
    }

    /// What all bodies are made of.
    static let block = (0..<(64 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

    static func body(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count { bytes += block.prefix(count - bytes.count) }
        return bytes
    }

    let name = "probe"

    var routes: [DialectRoute] {
        let askedCount = askedCount
        return [
            DialectRoute(.put, "/probe", bodyBytesMax: bodyBytesMax) { request, _ in
                askedCount.withLock { $0 += 1 }
                var reader = request.body.reader(pieceBytes: ProbeDialect.block.count)
                var isGood = true
                while let piece = try reader.nextPiece() {
                    if !piece.elementsEqual(ProbeDialect.block.prefix(piece.count)) { isGood = false }
                }
                return ProbeDialect.text(200, "\(reader.offset) \(isGood)")
            },
            DialectRoute(.get, "/probe/{count}") { request, desk in
                let count = Int(request.parameters[0]) ?? 0
                let writer = desk.bodyWriter()
                var written = 0
                while written < count {
                    let piece = ProbeDialect.block.prefix(count - written)
                    try writer.append(piece)
                    written += piece.count
                }
                return DialectAnswer(json: try writer.finish())
            },
            DialectRoute(socket: "/listen") { request, desk in
                let account = try desk.account(key: try request.query("api_key") ?? request.key)
                var socket = DialectSocket(account: account, spaces: [account.user.space], kinds: ["note"]) { notices in
                    // One line for each, or `?` for what nobody knows.
                    let lines = notices.map {
                        "\($0.kind) \($0.author)\($0.isFirstVersion ? " first" : "")\($0.isDeleted ? " deleted" : "")"
                    }
                    return [Array((lines.isEmpty ? "?" : lines.joined(separator: "\n")).utf8)]
                }
                socket.greeting = Array("hello \(account.user.name)".utf8)
                socket.idle = (seconds: 2, message: Array("still here".utf8))
                socket.reply = { $0 == Array("ping".utf8) ? Array("pong".utf8) : nil }
                return socket
            },
        ]
    }

    func answer(to error: DialectError) -> DialectAnswer {
        switch error {
        case .tooLarge: ProbeDialect.text(413, "too large")
        case .overloaded: ProbeDialect.text(503, "overloaded")
        case .storageFull: ProbeDialect.text(507, "full")
        case .unauthorized: ProbeDialect.text(401, "no key")
        case .internal: ProbeDialect.text(500, "internal")
        default: ProbeDialect.text(400, "\(error)")
        }
    }

    static func text(_ status: Int, _ text: String) -> DialectAnswer {
        DialectAnswer(status: status, json: Array("probe: \(text)".utf8))
    }
}

extension TestHub {
    static func probing(
        _ dialect: ProbeDialect = ProbeDialect(), configure: (inout HubConfiguration) -> Void = { _ in }
    ) throws -> TestHub {
        try TestHub {
            $0.dialects = [MountedDialect(dialect)]
            configure(&$0)
        }
    }
}
