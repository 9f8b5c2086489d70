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
        attempt(at: desk) {
            switch route.action {
            case .answer(let answer): try answer(request, desk, reply)
            case .socket: throw DialectError.badRequest("this path is for WebSockets")
            }
        } refused: {
            reply($0)
        }
    }

    /// Runs `body`; what it throws is told in the dialect's form.
    func attempt(at desk: DialectDesk, _ body: () throws -> Void, refused: (DialectAnswer) -> Void) {
        do {
            try body()
        } catch let error as DialectError {
            refused(dialect.answer(to: error))
        } catch let error as StoreError {
            desk.core.notices.tell(.warning, "a request failed in the store", ["error": "\(error)"])
            refused(dialect.answer(to: DialectError(ErrorFrame(error))))
        } catch {
            desk.core.notices.tell(.error, "a request failed", ["error": "\(error)"])
            refused(dialect.answer(to: .internal))
        }
    }
}

extension RESTAnswer {
    init(_ answer: DialectAnswer) {
        let isSpooled = answer.body.spool != nil
        self.init(status: answer.status, json: isSpooled ? [] : (try? answer.body.whole(bytesMax: .max)) ?? [])
        fields = answer.fields
        holdsSecret = answer.holdsSecret
        if isSpooled { spooled = answer.body }
    }
}
