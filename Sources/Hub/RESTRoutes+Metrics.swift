internal import HTTP
internal import Reactor
internal import Storage

/// `GET /metrics`.
extension RESTRoutes {
    func metrics(_ request: RESTRequest) throws -> RESTAnswer {
        _ = try holder(request)
        return metrics()
    }

    /// For whoever may read them without a key.
    func metrics() -> RESTAnswer {
        var answer = RESTAnswer(json: Array(core.metricsText.utf8))
        answer.fields = [("Content-Type", "text/plain; version=0.0.4; charset=utf-8"), ("Cache-Control", "no-store")]
        return answer
    }
}
