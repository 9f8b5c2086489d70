internal import Causality
internal import Cryptography
internal import Foundation
internal import HTTP
internal import HTTPTypes
internal import Storage
internal import Wire

/// What requests have in common: parameters of the query, the device, the key under which an answer is kept.
extension RESTRoutes {
    /// The first value of a parameter of the query; nil where it is absent.
    ///
    /// - Throws: where its bytes are no UTF-8: a name must not be read as another one.
    func parameter(_ name: String, _ request: RESTRequest) throws -> String? {
        do throws(QueryError) {
            return try request.head.parameter(name)
        } catch {
            throw Problem(code: .badField, detail: error.sentence)
        }
    }

    /// The cursor that `text` spells; nil, the log's beginning, where it is absent or empty.
    func cursor(_ text: String?) throws -> Cursor? {
        guard let text, !text.isEmpty else { return nil }
        do {
            return try Cursor(parsing: text)
        } catch {
            throw Problem(code: .badCursor, detail: error.sentence)
        }
    }

    /// The parameter `limit`: of a page of the log, unless told.
    func limit(_ request: RESTRequest) throws -> Int {
        try limit(request, max: core.limits.pullEntriesMax, unlessTold: core.limits.pullEntriesDefault)
    }

    func limit(_ request: RESTRequest, max: Int, unlessTold standard: Int) throws -> Int {
        guard let text = try parameter("limit", request) else { return standard }
        guard let limit = Int(text), (1...max).contains(limit) else {
            throw Problem(code: .badField, detail: "limit must be a whole number from 1 to \(max)")
        }
        return limit
    }

    /// A list of names, with commas between.
    func identifiers(_ name: String, _ request: RESTRequest) throws -> [Identifier] {
        let texts = (try parameter(name, request) ?? "").split(separator: ",").map(String.init)
        guard texts.count <= core.wireLimits.filtersMax else {
            throw Problem(code: .badField, detail: "\(name) may name \(core.wireLimits.filtersMax) at most")
        }
        return try texts.map { try identifier($0, name) }
    }

    /// One name; nil where the parameter is absent.
    func identifier(_ name: String, in request: RESTRequest) throws -> Identifier? {
        guard let text = try parameter(name, request) else { return nil }
        return try identifier(text, name)
    }

    func boolean(_ name: String, _ request: RESTRequest) throws -> Bool {
        switch try parameter(name, request) {
        case nil, "false": return false
        case "true": return true
        default: throw Problem(code: .badField, detail: "\(name) must be true or false")
        }
    }

    /// The name behind which a listing goes on.
    func after(_ request: RESTRequest) throws -> RecordName? {
        guard let text = try parameter("after", request), !text.isEmpty else { return nil }
        guard let token = NameToken(parsing: text) else {
            throw Problem(code: .badCursor, detail: "after is no `next` of this hub")
        }
        return token.name
    }

    func identifier(_ text: String, _ field: String) throws -> Identifier {
        do throws(IdentifierError) {
            return try Identifier(text)
        } catch {
            throw Problem(code: .badID, detail: "\(field) is no name: \(error.sentence)")
        }
    }

    /// The device that the header names; registered when it is new.
    func device(_ request: RESTRequest, of holder: Authenticator.Holder) throws -> Device {
        guard let name = try deviceName(request) else {
            throw Problem(code: .missingField, detail: "the header X-Carillon-Device is missing: it names the device")
        }
        try holder.check(name)
        return try Authenticator(store: core.store).device(
            name, of: holder.user, client: request.head.field(.userAgent))
    }

    /// The device that the header names; nil where it is absent.
    func deviceName(_ request: RESTRequest) throws -> Identifier? {
        guard let name = HTTPField.Name("X-Carillon-Device"), let text = request.head.field(name) else { return nil }
        // What stands for bytes that are no UTF-8: two names must not be read as one.
        guard !text.unicodeScalars.contains("\u{FFFD}") else {
            throw Problem(code: .badID, detail: "X-Carillon-Device is not UTF-8")
        }
        return try identifier(text, "X-Carillon-Device")
    }

    /// nil where the request gives no id: then it cannot be told from another of the same content.
    static func answerKey(_ push: Push, _ request: RESTRequest) -> AnswerKey? {
        guard !push.id.isEmpty else { return nil }
        // The path too: a push and a resolve are not the same.
        return AnswerKey(
            pushID: push.id, digest: Digest.sha256(Array(request.head.path.utf8) + Digest.sha256(request.body)))
    }
}

extension RESTAnswer {
    init(_ answer: PushAnswer) {
        switch answer {
        case .pushed(let pushed):
            var body: [UInt8] = []
            HubFrame.pushed(pushed).encode(into: &body)
            self.init(json: body)
        case .failed(let error): self.init(Problem(error))
        }
    }
}
