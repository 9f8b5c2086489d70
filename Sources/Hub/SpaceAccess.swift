internal import Causality
internal import Cryptography
internal import Storage
internal import Wire

/// A space as one user reaches it: their own, a team's, or that of somebody who is in a team with them.
struct SpaceAccess: Sendable, Equatable {
    /// As the store names it.
    let space: Identifier
    /// As the peer is told it: `own`, `team:NAME`, `user:NAME`.
    let name: Identifier
    let viewer: Viewer

    /// The user's own.
    init(own user: User) {
        space = user.space
        name = Identifier(unchecked: CarillonProtocol.ownSpaceName)
        viewer = Viewer(user: user.id, standing: .owner)
    }

    init(_ space: Identifier, named name: Identifier, _ viewer: Viewer) {
        self.space = space
        self.name = name
        self.viewer = viewer
    }

    var isOwn: Bool { viewer.standing == .owner }

    /// What the log names the author of a device's changes, so that devices of two users never meet.
    func author(_ device: Identifier) -> Identifier {
        isOwn ? device : SpaceAccess.joined(viewer.user, device)
    }

    /// The name under which the device has its one live session in this space.
    func seat(_ device: Identifier) -> Identifier {
        isOwn ? device : SpaceAccess.joined(space, device)
    }

    private static func joined(_ prefix: Identifier, _ device: Identifier) -> Identifier {
        let name = "\(prefix)/\(device)"
        guard name.utf8.count > Identifier.bytesMax else { return Identifier(unchecked: name) }
        // A name of the greatest length leaves no room for another in front of it.
        return Identifier(unchecked: "\(prefix)/\(Digest.hex(Digest.sha256(Array(device.text.utf8))))")
    }
}

/// Which spaces a user reaches. Blocking: for read queues.
extension Authenticator {
    static let noSuchSpace = "there is no such space, or it is not yours"

    /// The space that a peer names; nil where there is none, and where the user is no member: nobody learns which.
    func access(to name: Identifier?, of user: User) throws(StoreError) -> SpaceAccess? {
        let own = SpaceAccess(own: user)
        guard let name, name != own.name else { return own }
        if let team = SpaceAccess.rest(of: name, after: "team:") {
            guard let found = try store.accounts.team(named: team),
                try standing(of: user, in: found.space) == .member
            else { return nil }
            return SpaceAccess(found.space, named: name, Viewer(user: user.id, standing: .member))
        }
        if let other = SpaceAccess.rest(of: name, after: "user:") {
            guard let found = try store.accounts.user(named: other) else { return nil }
            if found.id == user.id { return own }
            guard try standing(of: user, in: found.space) == .guest else { return nil }
            return SpaceAccess(found.space, named: name, Viewer(user: user.id, standing: .guest))
        }
        return nil
    }

    /// What `user` is to `space`; nil where they may neither see nor write it.
    func standing(of user: User, in space: Identifier) throws(StoreError) -> Standing? {
        try standing(ofUser: user.id, in: space)
    }

    func standing(ofUser user: Identifier, in space: Identifier) throws(StoreError) -> Standing? {
        if user == space { return .owner }
        if try store.accounts.memberships(of: user).contains(where: { $0.teamID == space }) { return .member }
        return try store.accounts.teammates(of: user).contains(space) ? .guest : nil
    }
}

extension SpaceAccess {
    fileprivate static func rest(of name: Identifier, after prefix: String) -> Identifier? {
        guard name.text.hasPrefix(prefix) else { return nil }
        return try? Identifier(String(name.text.dropFirst(prefix.count)))
    }
}
