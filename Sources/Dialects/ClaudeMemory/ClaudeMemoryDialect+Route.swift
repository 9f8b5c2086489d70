internal import Causality
internal import HTTP
internal import HTTPTypes
internal import Hub

extension ClaudeMemoryDialect {
    typealias Answering = @Sendable (Memories, DialectRequest, [UInt8]) throws -> DialectAnswer

    /// A route for those who have a key. The key is looked at before the body.
    func route(_ method: HTTPRequest.Method, _ path: String, answer: @escaping Answering) -> DialectRoute {
        DialectRoute(method, path, bodyBytesMax: ClaudeMemoryDialect.bodyBytesMax) { request, desk in
            do {
                let memories = Memories(
                    desk: desk, account: try desk.account(key: request.key), deviceID: try request.deviceID)
                let body = try request.body.whole(bytesMax: ClaudeMemoryDialect.bodyBytesMax)
                return try answer(memories, request, body)
            } catch let refusal as MemoryRefusal {
                return DialectAnswer(refusal)
            }
        }
    }
}

extension DialectRequest {
    /// As `X-Device-Id` names it; nil where there is none.
    fileprivate var deviceID: Identifier? {
        get throws(MemoryRefusal) {
            guard let name = HTTPField.Name("X-Device-Id"), let text = head.field(name) else { return nil }
            do throws(IdentifierError) {
                return try Identifier(text)
            } catch {
                throw MemoryRefusal(400, "bad_device", "X-Device-Id is no device's id: \(error.sentence)")
            }
        }
    }
}
