internal import Causality
internal import HTTPTypes
public import Hub

/// The sync protocol of ContextFS 0.2 (`pip install contextfs`), as its client speaks it. See
/// Protocol/dialects/contextfs.yaml.
public struct ContextFSDialect: Dialect {
    public let name = "contextfs"
    private let limits: ContextFSLimits

    public init(limits: ContextFSLimits = ContextFSLimits()) {
        self.limits = limits
    }

    public var routes: [DialectRoute] {
        [
            DialectRoute(later: .post, "/api/sync/push", bodyBytesMax: limits.pushBytesMax) { request, desk, reply in
                reply(try push(request, desk))
            },
            DialectRoute(later: .post, "/api/sync/pull", bodyBytesMax: limits.requestBytesMax, answer: pull),
            DialectRoute(.post, "/api/sync/diff", bodyBytesMax: limits.manifestBytesMax) { request, desk in
                try answering {
                    let account = try desk.account(key: request.key)
                    let manifest = try Manifest(request.body, bytesMax: limits.manifestBytesMax)
                    return try Diff(manifest, caller(account, try manifest.fields.device(), desk)).answer()
                }
            },
            posted("/api/sync/register") { fields, account, desk in
                try Registration.register(fields, caller(account, try fields.device(), desk))
            },
            posted("/api/sync/status") { fields, account, desk in
                try Registration.status(caller(account, try fields.device(), desk))
            },
            DialectRoute(
                .post, "/api/auth/login", bodyBytesMax: limits.requestBytesMax, isOpenToStrangers: true
            ) { request, desk in
                try answering {
                    try AccountRoutes.login(try RequestFields(request.body, bytesMax: limits.requestBytesMax), desk)
                }
            },
            asked("/api/auth/encryption-salt") { account, _ in AccountRoutes.salt(account) },
            asked("/api/auth/api-keys") { try AccountRoutes.keys($0, $1) },
            posted("/api/auth/api-keys") { try AccountRoutes.createKey($0, $1, $2) },
            posted("/api/auth/api-keys/revoke") { try AccountRoutes.revokeKey($0, $1, $2) },
            asked("/api/billing/subscription") { account, _ in AccountRoutes.subscription(account) },
            asked("/api/devices") { try AccountRoutes.devices($0, $1) },
            DialectRoute(.delete, "/api/devices/{id}") { request, desk in
                try AccountRoutes.removeDevice(
                    request.parameters.first ?? "", try desk.account(key: request.key), desk)
            },
            DialectRoute(socket: "/ws/memories", open: MemoryNotices.open),
        ]
    }

    public func answer(to error: DialectError) -> DialectAnswer { Detail.answer(error) }

    private func caller(_ account: DialectAccount, _ device: Identifier, _ desk: DialectDesk) -> Caller {
        Caller(desk: desk, limits: limits, account: account, device: device)
    }

    private func push(_ request: DialectRequest, _ desk: DialectDesk) throws -> DialectAnswer {
        try answering {
            let account = try desk.account(key: request.key)
            return try Push(request.body, limits) { caller(account, $0, desk) }.answer()
        }
    }

    /// The note of a page that brought nothing waits for the answer: lost, it costs a look at the same stretch again.
    private func pull(
        _ request: DialectRequest, _ desk: DialectDesk, reply: @escaping @Sendable (DialectAnswer) -> Void
    ) throws {
        var later: (() throws -> Void)?
        reply(
            try answering {
                let account = try desk.account(key: request.key)
                let fields = try RequestFields(request.body, bytesMax: limits.requestBytesMax)
                let pull = try Pull(fields, caller(account, try fields.device(), desk))
                let (answer, note) = try pull.answer()
                later = note
                return answer
            })
        // The request is answered: a note that cannot be kept is nobody's error.
        try? later?()
    }

    private func answering(_ body: () throws -> DialectAnswer) throws -> DialectAnswer {
        do {
            return try body()
        } catch let error as Unprocessable {
            return error.answer
        }
    }

    private func posted(
        _ path: String,
        _ body: @escaping @Sendable (RequestFields, DialectAccount, DialectDesk) throws -> DialectAnswer
    ) -> DialectRoute {
        DialectRoute(.post, path, bodyBytesMax: limits.requestBytesMax) { request, desk in
            try answering {
                let account = try desk.account(key: request.key)
                return try body(try RequestFields(request.body, bytesMax: limits.requestBytesMax), account, desk)
            }
        }
    }

    private func asked(
        _ path: String, _ body: @escaping @Sendable (DialectAccount, DialectDesk) throws -> DialectAnswer
    ) -> DialectRoute {
        DialectRoute(.get, path) { request, desk in try body(try desk.account(key: request.key), desk) }
    }
}
