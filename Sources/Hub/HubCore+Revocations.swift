internal import Causality
internal import Logging
internal import Reactor
internal import Storage

/// How far the hub has looked for what was taken back.
struct RevocationLook: Sendable {
    /// Nil before the store has said where it stands.
    var mark: Int64?
    /// Something may have been missed: every live session is to be looked at again.
    var owesRecheck = false
    var isLooking = false
    /// Asked for again while a look was under way.
    var isAskedAgain = false
}

/// Keys that are revoked and devices that are removed, by this hub, another one or a command beside them, end what
/// they have open on every hub.
extension HubCore {
    /// Asks where the store stands, before anybody is let in.
    func markRevocations() {
        let mark = try? store.accounts.revocations(after: nil).mark
        revocations.withLock { look in
            look.mark = mark
            look.owesRecheck = mark == nil
        }
    }

    /// Looks off the event loops; what is asked for while a look is under way is one more look.
    func lookForRevocations() {
        let begins = revocations.withLock { look in
            look.isAskedAgain = look.isLooking
            defer { look.isLooking = true }
            return !look.isLooking
        }
        if begins { read(key: 0) { self.look() } }
    }

    private func look() {
        announcer.lookAtLife()
        do throws(StoreError) {
            let (mark, owesRecheck) = revocations.withLock { ($0.mark, $0.owesRecheck) }
            let page = try store.accounts.revocations(after: mark)
            if page.isIncomplete || owesRecheck || mark == nil {
                countRemoval()
                revocations.withLock { $0.owesRecheck = false }
                postToAll(.recheck)
            } else {
                try end(page.revocations)
            }
            revocations.withLock { $0.mark = page.mark }
        } catch {
            log.warning("what was revoked could not be read: \(error)")
        }
        let isAskedAgain = revocations.withLock { look in
            defer { (look.isLooking, look.isAskedAgain) = (look.isAskedAgain, false) }
            return look.isAskedAgain
        }
        if isAskedAgain { read(key: 0) { self.look() } }
    }

    private func end(_ revocations: [Revocation]) throws(StoreError) {
        guard !revocations.isEmpty else { return }
        // Before the mail: whoever is being let in meanwhile is looked up again.
        countRemoval()
        var prefixes: Set<String> = []
        for revocation in revocations {
            switch revocation {
            case .key(let prefix): prefixes.insert(prefix)
            case .device(let device, let user):
                // It may have come back since, under another replica.
                let present = try store.accounts.device(device, of: user)
                postToAll(.removed(device: device, user: user, keeping: present?.replica))
            case .membership(let user, let team):
                endSharing(of: user)
                postToAll(.membership(user, team: team))
            case .tier(let user):
                if let user = try store.accounts.user(id: user) { postToAll(.changed(user)) }
            }
        }
        if !prefixes.isEmpty { postToAll(.revoked(prefixes)) }
    }

    /// Ends what a device has open here, which is no longer in the store, and has the other hubs look.
    func endSessions(of device: Identifier, _ user: Identifier) {
        countRemoval()
        postToAll(.removed(device: device, user: user, keeping: nil))
        announcer.post(.revoked)
    }

    /// Ends what a key has open here, which the store says is revoked, and has the other hubs look.
    func endSessions(ofKey prefix: String) {
        countRemoval()
        postToAll(.revoked([prefix]))
        announcer.post(.revoked)
    }

    /// A live session or stream, as the store is to be asked about it.
    struct Seated: Sendable {
        let keyPrefix: String
        let user: Identifier
        /// Nil for a stream that names none.
        let device: Identifier?
        let replica: Identifier?
    }

    /// Whether its key, or the user whose name its certificate has, is still there.
    private func isGood(_ seated: Seated) throws(StoreError) -> Bool {
        if ShownCertificate.isRecord(prefix: seated.keyPrefix) {
            return try store.accounts.user(id: seated.user) != nil
        }
        return try store.accounts.key(prefix: seated.keyPrefix).map { $0.revokedAt == nil } ?? false
    }

    /// Looks again at what one shard has open, off its loop.
    func recheck(_ all: [Seated], shard: Int) {
        read(key: shard) { [self] in
            do throws(StoreError) {
                var good: [String: Bool] = [:]
                for id in Set(all.map(\.user)) {
                    if let user = try store.accounts.user(id: id) { post(.changed(user), to: shard) }
                }
                for seated in all {
                    if good[seated.keyPrefix] == nil {
                        let isGood = try isGood(seated)
                        good[seated.keyPrefix] = isGood
                        if !isGood { post(.revoked([seated.keyPrefix]), to: shard) }
                    }
                    guard let device = seated.device else { continue }
                    let present = try store.accounts.device(device, of: seated.user)
                    if present?.replica != seated.replica {
                        post(.removed(device: device, user: seated.user, keeping: present?.replica), to: shard)
                    }
                }
            } catch {
                log.warning("live sessions could not be looked at again: \(error)")
                revocations.withLock { $0.owesRecheck = true }
            }
        }
    }
}
