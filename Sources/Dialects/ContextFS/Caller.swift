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

    /// The device, what it was given, and whose records its user syncs: in one question to the store where the device is
    /// registered.
    func arrive() throws(DialectError) -> (device: Device, delivered: Delivered?, reach: Reach) {
        let found = try desk.reading { () throws(StoreError) in
            try desk.store.accounts.attendance(of: device, user.id, note: Delivered.name)
        }
        let present = if let device = found.device { device } else { try registered() }
        return (present, found.note.map { Delivered($0) }, Reach(user, found))
    }

    func delivered() throws(DialectError) -> Delivered? {
        try desk.reading { () throws(StoreError) in
            try desk.store.accounts.note(Delivered.name, device: device, of: user.id).map { Delivered($0) }
        }
    }

    /// Lost with the machine of the store, it costs a stretch that is delivered once more.
    func keep(_ delivered: Delivered) throws(DialectError) {
        try desk.reading { () throws(StoreError) in
            try desk.store.accounts.keepNote(
                delivered.note, Delivered.name, device: device, of: user.id, isLazy: true)
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
        Submission(
            space: space, author: desk.author(device, in: space), replica: self.device, changes: changes,
            isForced: isForced, user: user.id, standing: reach.standing(in: space),
            recordsMax: space == user.space ? user.tier.recordsMax : nil)
    }
}
