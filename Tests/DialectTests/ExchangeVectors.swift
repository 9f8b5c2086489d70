import Causality
import Foundation
import HubTesting
import Testing

/// Wire exchanges of a dialect, from `Protocol/dialects/vectors/NAME.json`, replayed one after the other.
///
/// An exchange has a `name`, a `request` and an `answer`:
/// - `request`: `method`, `target`; `headers` besides the key; `body` as JSON, or `text` byte for byte; `user`, whose
///   key is sent: the hub's own user unless named, a user of their own for each other name, `""` for no key.
/// - `answer`: `status`; `headers`; `body` as JSON, compared whole; `contains` and `lacks`, pieces of the body's text.
///
/// In an answer's body, the string `{int:NAME}` stands for any whole number over 0, which is kept under NAME,
/// `{digits:NAME}` for a text that is one, `{any}` for any value, `{string}` for any text that is not empty. An object
/// with a field `...` may have more fields. In everything else `{NAME}` is replaced by what was kept; in an answer, a string of nothing else by the number itself.
struct ExchangeVectors: Decodable {
    struct Exchange: Decodable {
        let name: String
        let request: Request
        let answer: Answer
    }

    struct Request: Decodable {
        let method: String
        let target: String
        var headers: [String: String]?
        var body: JSONValue?
        var text: String?
        var user: String?
    }

    struct Answer: Decodable {
        let status: Int
        var headers: [String: String]?
        var body: JSONValue?
        var contains: [String]?
        var lacks: [String]?
    }

    let exchanges: [Exchange]

    /// - Parameter name: of the file, without its ending.
    static func load(_ name: String) throws -> ExchangeVectors {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appending(path: "Protocol/dialects/vectors/\(name).json")
        return try JSONDecoder().decode(ExchangeVectors.self, from: Data(contentsOf: file))
    }

    func replay(on hub: TestHub) throws {
        var kept: [String: Int64] = [:]
        var keys: [String: String] = [:]
        for exchange in exchanges {
            let request = exchange.request
            var body = request.text ?? ""
            if let value = request.body { body = try value.text }
            let lines = (request.headers ?? [:]).sorted { $0.key < $1.key }.map { "\($0): \($1)\r\n" }
            let answer = try hub.request(
                request.method, ExchangeVectors.fill(request.target, kept),
                body: ExchangeVectors.fill(body, kept),
                key: try ExchangeVectors.key(of: request.user, on: hub, &keys),
                fields: ExchangeVectors.fill(lines.joined(), kept))
            exchange.compare(answer, &kept)
        }
    }

    private static func key(of user: String?, on hub: TestHub, _ keys: inout [String: String]) throws -> String? {
        guard let user, !user.isEmpty else { return user }
        if keys[user] == nil { keys[user] = try hub.newKey(user: .init(unchecked: user)) }
        return keys[user]
    }

    fileprivate static func fill(_ text: String, _ kept: [String: Int64]) -> String {
        kept.reduce(text) { $0.replacingOccurrences(of: "{\($1.key)}", with: String($1.value)) }
    }
}

extension ExchangeVectors.Exchange {
    fileprivate func compare(_ real: (status: Int, head: String, body: String), _ kept: inout [String: Int64]) {
        let shown = real.body.prefix(600)
        #expect(real.status == answer.status, "\(name): status \(real.status), \(shown)")
        for (field, value) in answer.headers ?? [:] {
            let line = "\(field): \(value)\r\n".lowercased()
            #expect(real.head.lowercased().contains(line), "\(name): no header \(line) in \(real.head)")
        }
        for piece in answer.contains ?? [] {
            let piece = ExchangeVectors.fill(piece, kept)
            #expect(real.body.contains(piece), "\(name): no \(piece) in \(shown)")
        }
        for piece in answer.lacks ?? [] {
            let piece = ExchangeVectors.fill(piece, kept)
            #expect(!real.body.contains(piece), "\(name): \(piece) in \(shown)")
        }
        guard let wanted = answer.body else { return }
        do {
            let found = try JSONDecoder().decode(JSONValue.self, from: Data(real.body.utf8))
            if let difference = wanted.difference(from: found, at: "body", &kept) {
                Issue.record("\(name): \(difference); \(shown)")
            }
        } catch {
            Issue.record("\(name): the body is no JSON: \(shown)")
        }
    }
}

/// JSON as a test compares it: whole numbers, other numbers and booleans are told apart.
enum JSONValue: Codable, Equatable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    /// Where `found` is not what this asks for; nil where it is.
    func difference(from found: JSONValue, at place: String, _ kept: inout [String: Int64]) -> String? {
        switch (self, found) {
        case (.string("{any}"), _): return nil
        case (.string("{string}"), .string(let text)) where !text.isEmpty: return nil
        case (.string(let name), .integer(let value)) where name.hasPrefix("{int:"):
            kept[String(name.dropFirst("{int:".count).dropLast())] = value
            return value > 0 ? nil : "\(place) is \(value)"
        case (.string(let name), .string(let text)) where name.hasPrefix("{digits:"):
            kept[String(name.dropFirst("{digits:".count).dropLast())] = Int64(text)
            return Int64(text) == nil ? "\(place) is \(text)" : nil
        case (.string(let name), .integer(let value)) where kept["\(name.dropFirst().dropLast())"] == value:
            return nil
        case (.string(let wanted), .string(let text)) where ExchangeVectors.fill(wanted, kept) == text: return nil
        case (.array(let wanted), .array(let values)):
            guard wanted.count == values.count else {
                return "\(place) has \(values.count) elements, not \(wanted.count)"
            }
            for (index, (wanted, value)) in zip(wanted, values).enumerated() {
                if let difference = wanted.difference(from: value, at: "\(place)[\(index)]", &kept) {
                    return difference
                }
            }
            return nil
        case (.object(var wanted), .object(let fields)):
            let isOpen = wanted.removeValue(forKey: "...") != nil
            for (name, value) in wanted.sorted(by: { $0.key < $1.key }) {
                guard let field = fields[name] else { return "\(place) lacks \(name)" }
                if let difference = value.difference(from: field, at: "\(place).\(name)", &kept) { return difference }
            }
            let more = fields.keys.filter { wanted[$0] == nil }
            return isOpen || more.isEmpty ? nil : "\(place) has \(more.sorted()) too"
        default: return self == found ? nil : "\(place) is \(found), not \(self)"
        }
    }
}
