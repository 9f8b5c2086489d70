internal import HTTP
internal import Logging
internal import Storage
internal import Wire

extension DialectTable.Match {
    /// Calls `reply` once. Blocking.
    func answer(
        _ head: RequestHead, _ body: DialectBody, at desk: DialectDesk,
        reply: @escaping @Sendable (DialectAnswer) -> Void
    ) {
        let request = DialectRequest(head: head, body: body, parameters: parameters)
        do {
            switch route.action {
            case .answer(let answer): try answer(request, desk, reply)
            case .socket: throw DialectError.badRequest("this path is for WebSockets")
            }
        } catch let error as DialectError {
            reply(dialect.answer(to: error))
        } catch let error as StoreError {
            desk.core.log.warning("a request failed in the store: \(error)")
            reply(dialect.answer(to: DialectError(ErrorFrame(error))))
        } catch {
            desk.core.log.error("a request failed: \(error)")
            reply(dialect.answer(to: .internal))
        }
    }
}

extension RESTAnswer {
    init(_ answer: DialectAnswer) {
        let isSpooled = answer.body.spool != nil
        self.init(status: answer.status, json: isSpooled ? [] : (try? answer.body.whole(bytesMax: .max)) ?? [])
        fields = answer.fields
        if isSpooled { spooled = answer.body }
    }
}
