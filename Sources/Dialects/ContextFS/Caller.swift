internal import Causality
internal import Cryptography
internal import Hub
internal import Storage

/// Who asks, and from which device.
struct Caller {
    let desk: DialectDesk
    let limits: ContextFSLimits
    let account: DialectAccount
    let device: Identifier

    var user: User { account.user }

    /// The device as it is registered; registered when it is new and the tier allows it.
    func registered() throws(DialectError) -> Device { try desk.device(device, of: user) }

    func delivered() throws(DialectError) -> Delivered? {
        try desk.reading { () throws(StoreError) in
            try desk.store.accounts.note(Delivered.name, device: device, of: user.id).map { Delivered($0) }
        }
    }

    func keep(_ delivered: Delivered) throws(DialectError) {
        try desk.reading { () throws(StoreError) in
            try desk.store.accounts.keepNote(delivered.note, Delivered.name, device: device, of: user.id)
        }
    }

    /// The name under which answers for these namespaces are noted.
    static func scope(of namespaces: Set<Identifier>) -> String {
        guard !namespaces.isEmpty else { return Delivered.everything }
        let names = namespaces.sorted().map(\.text).joined(separator: "\u{0}")
        return Digest.hex(Digest.sha256(Array(names.utf8)).prefix(12))
    }

    /// What one space's part of a request is submitted as.
    func submission(_ changes: [Change], in space: Identifier, _ reach: Reach, _ device: Device, isForced: Bool = false)
        -> Submission
    {
        let limit = user.tier.recordLimit
        return Submission(
            space: space, author: desk.author(device, in: space), replica: self.device, changes: changes,
            isForced: isForced, user: user.id, standing: reach.standing(in: space),
            recordsMax: space == user.space && limit >= 0 ? limit : nil)
    }
}
