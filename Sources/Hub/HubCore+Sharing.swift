internal import Causality
internal import Logging
internal import Reactor
internal import Storage
internal import Wire

/// Sessions, streams and polls in spaces that are not their user's own, when somebody leaves a team.
extension HubCore {
    /// What is open in a space that is not its holder's own, as the store is to be asked about it.
    struct Guest: Sendable {
        let id: ConnectionID
        let user: User
        let access: SpaceAccess
    }

    /// The user came into a team or left it: what they have open in others' spaces, and others in theirs, is looked at
    /// again.
    func endSharing(of user: Identifier) {
        postToAll(.recheckGuests(of: user))
    }

    /// Ends those of one shard that may not be where they are any more. Off its loop.
    func recheck(_ guests: [Guest], shard: Int) {
        read(key: shard) { [self] in
            do throws(StoreError) {
                let authenticator = Authenticator(store: store)
                for guest in guests {
                    let standing = try authenticator.standing(of: guest.user, in: guest.access.space)
                    guard standing != guest.access.viewer.standing else { continue }
                    post(
                        .refused(guest.id, ErrorFrame(code: .forbidden, message: Authenticator.noSuchSpace)), to: shard)
                }
            } catch {
                log.warning("sessions in others' spaces could not be looked at again: \(error)")
                revocations.withLock { $0.owesRecheck = true }
            }
        }
    }
}

extension HubShard {
    /// Has the store asked about what is open here in others' spaces; of one user, theirs and in theirs.
    func recheckGuests(of user: Identifier? = nil) {
        var guests: [HubCore.Guest] = []
        for case let connection? in connections {
            guard let access = connection.member?.access ?? connection.stream?.opening.access, !access.isOwn,
                let owner = connection.owner?.user, user == nil || owner.id == user || access.space == user
            else { continue }
            guests.append(HubCore.Guest(id: connection.id, user: owner, access: access))
        }
        if !guests.isEmpty { core.recheck(guests, shard: number) }
    }
}
