internal import HTTPTypes

/// Every route of the hub; `Protocol/openapi.yaml` describes them in this order.
extension RESTRoutes {
    static let table: [Route] = [
        Route(.post, "/v1/push", later: { try $0.push($1, reply: $2) }),
        Route(.get, "/v1/pull") { try $0.pull($1) },
        Route(.get, "/v1/changes", later: { routes, request, _ in routes.open(try routes.changes(request)) }),
        Route(.get, "/v1/export", later: { routes, request, _ in routes.open(try routes.export(request)) }),
        Route(.get, "/v1/records") { try $0.records($1) },
        Route(.get, "/v1/records/{kind}/{id}") { try $0.record($1) },
        Route(.get, "/v1/conflicts") { try $0.conflicts($1) },
        Route(.post, "/v1/resolve", later: { try $0.resolve($1, reply: $2) }),
        Route(.post, "/v1/diff") { try $0.diff($1) },
        Route(.get, "/v1/devices") { try $0.devices($1) },
        Route(.post, "/v1/devices") { try $0.registerDevice($1) },
        Route(.delete, "/v1/devices/{id}") { try $0.removeDevice($1) },
        Route(.get, "/v1/status") { try $0.status($1) },
        Route(.get, "/metrics") { try $0.metrics($1) },
        Route(.get, "/health") { routes, _ in routes.health() },
        Route(.get, "/ready") { routes, _ in try routes.ready() },
    ]
}
