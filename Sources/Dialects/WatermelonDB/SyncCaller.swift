internal import Causality
internal import HTTP
internal import HTTPTypes
internal import Hub
internal import Storage

/// Who syncs: a user, and a device of theirs.
struct SyncCaller {
    let account: DialectAccount
    let device: Device
    /// Whether the device has named itself. All that do not share one device for each key: what one of them wrote
    /// another may never have seen.
    let isNamed: Bool

    init(_ request: DialectRequest, _ desk: DialectDesk) throws {
        account = try desk.account(key: request.key)
        let name = try SyncCaller.deviceID(request)
        isNamed = name != nil
        device = try desk.device(
            name ?? SyncCaller.sharedID(account), of: account.user, platform: WatermelonDBDialect.namespace.text)
    }

    /// Whether the caller may have made a row that the log says `author` made. The shared device's too: an app may
    /// have begun to name its devices.
    func mayHaveWritten(_ author: Identifier) -> Bool {
        author.text.isEmpty || author == device.id || author == SyncCaller.sharedID(account)
    }

    static func sharedID(_ account: DialectAccount) -> Identifier {
        Identifier(unchecked: "\(WatermelonDBDialect.namespace).\(account.key.prefix)")
    }

    /// The value of `X-Device-Id`; nil without one.
    static func deviceID(_ request: DialectRequest) throws(SyncProblem) -> Identifier? {
        guard let field = HTTPField.Name("X-Device-Id"), let text = request.head.field(field) else { return nil }
        do {
            return try Identifier(text)
        } catch {
            throw .badField("X-Device-Id is no name: \(error.sentence). Send a random id made once for each database.")
        }
    }
}
