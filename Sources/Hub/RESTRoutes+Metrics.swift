internal import HTTP
internal import Reactor
internal import Storage

/// `GET /metrics`.
extension RESTRoutes {
    func metrics(_ request: RESTRequest) throws -> RESTAnswer {
        _ = try holder(request)
        let text = core.metrics.withLock { $0 }.text + ((core.store as? any MeteredStore)?.metricsText ?? "")
        var answer = RESTAnswer(json: Array(text.utf8))
        answer.fields = [("Content-Type", "text/plain; version=0.0.4; charset=utf-8"), ("Cache-Control", "no-store")]
        return answer
    }
}
