internal import Causality

/// The order in which a store is read out and filled, and what holds between its pieces. Constant in memory.
///
/// - The life comes first, then policies, users, teams, spaces, each by rising names, so that none stands twice.
/// - Keys and devices come after their user, notes after their device, members after their team; entries and then histories after their space.
/// - Entries have rising positions, over 0 and not over their space's head. Histories rise by record and number.
///
/// That a record has one head, and that ids, emails and key prefixes are unique, is the store's to check.
public struct KeptSequence: Sendable {
    private enum Stage: Int {
        case start, life, policies, users, teams, spaces
    }

    private var stage = Stage.start
    private var policyCount = 0
    private var kind: Identifier?
    private var user: User?
    private var device: Identifier?
    private var noteCount = 0
    private var team: Team?
    private var member: Identifier?
    private var memberCount = 0
    private var space: Identifier?
    private var head = Position.start
    private var position = Position.start
    private var version: (name: RecordName, number: Int64)?
    public private(set) var life: Generation?

    public init() {}

    /// - Throws: ``StoreError/refused(_:)`` with what is wrong about it where it stands.
    public mutating func take(_ item: KeptItem) throws(StoreError) {
        switch item {
        case .life(let generation):
            guard stage == .start else { throw .refused("a log has one life, and here is another one") }
            (stage, life) = (.life, generation)
        case .policy(_, let kind):
            try enter(.policies, "a policy")
            guard self.kind.map({ $0 < kind }) ?? true else {
                throw .refused("the policy of \(kind) stands twice, or not in the order of kinds")
            }
            policyCount += 1
            guard policyCount <= StoredPolicy.policiesMax else {
                throw .refused("there are over \(StoredPolicy.policiesMax) policies")
            }
            self.kind = kind
        case .user(let user, _):
            try enter(.users, "a user")
            guard self.user.map({ $0.name < user.name }) ?? true else {
                throw .refused("the user \(user.name) stands twice, or not in the order of names")
            }
            (self.user, device) = (user, nil)
        case .key(let key):
            guard stage == .users, key.userID == user?.id else {
                throw .refused("the key \(key.prefix) does not stand after its user \(key.userID)")
            }
        case .device(let device):
            guard stage == .users, device.userID == user?.id else {
                throw .refused("the device \(device.id) does not stand after its user \(device.userID)")
            }
            (self.device, noteCount) = (device.id, 0)
        case .note(let note, let name, let device, let user): try take(note, name, device, of: user)
        case .team(let team):
            try enter(.teams, "a team")
            guard self.team.map({ $0.name < team.name }) ?? true else {
                throw .refused("the team \(team.name) stands twice, or not in the order of names")
            }
            (self.team, member, memberCount) = (team, nil, 0)
        case .member(let membership): try take(membership)
        case .space(let space, let head):
            try enter(.spaces, "a space")
            guard self.space.map({ $0 < space }) ?? true else {
                throw .refused("the space \(space) stands twice, or not in the order of names")
            }
            guard head >= .start, head <= .max else { throw .refused("\(head) can be no head of a space") }
            (self.space, self.head, position, version) = (space, head, .start, nil)
        case .entry(let entry, let space): try take(entry, in: space)
        case .version(let version, let name, let space): try take(version, of: name, in: space)
        }
    }

    /// - Returns: the life of what was taken.
    /// - Throws: ``StoreError/refused(_:)`` where nothing was.
    public func finish() throws(StoreError) -> Generation {
        guard let life else { throw .refused("there is nothing, not even a log's life") }
        return life
    }

    private mutating func enter(_ next: Stage, _ what: String) throws(StoreError) {
        guard stage != .start else { throw .refused("\(what) stands before the log's life") }
        guard stage.rawValue <= next.rawValue else { throw .refused("\(what) stands after what comes later") }
        stage = next
    }

    private mutating func take(
        _ note: [UInt8], _ name: String, _ device: Identifier, of user: Identifier
    ) throws(StoreError) {
        guard stage == .users, user == self.user?.id, device == self.device else {
            throw .refused("the note \(name) does not stand after its device \(device)")
        }
        guard DeviceNote.nameBytes.contains(name.utf8.count), note.count <= DeviceNote.bytesMax else {
            throw .refused("a note of \(device) has more than \(DeviceNote.bytesMax) bytes, or no name")
        }
        noteCount += 1
        guard noteCount <= DeviceNote.countMax else {
            throw .refused("the device \(device) has over \(DeviceNote.countMax) notes")
        }
    }

    private mutating func take(_ membership: Membership) throws(StoreError) {
        guard stage == .teams, membership.teamID == team?.id else {
            throw .refused("the member \(membership.userID) does not stand after their team \(membership.teamID)")
        }
        guard member.map({ $0 < membership.userID }) ?? true else {
            throw .refused("the member \(membership.userID) stands twice, or not in the order of ids")
        }
        memberCount += 1
        guard memberCount <= Team.membersMax else { throw Team.full }
        member = membership.userID
    }

    private mutating func take(_ entry: LogEntry, in space: Identifier) throws(StoreError) {
        guard stage == .spaces, space == self.space else {
            throw .refused("the entry \(entry.position) does not stand after its space \(space)")
        }
        guard version == nil else { throw .refused("the entry \(entry.position) stands after its space's histories") }
        guard entry.position > .start, entry.position <= head else {
            throw .refused("the position \(entry.position) is not between 0 and its space's head \(head)")
        }
        guard entry.position != position else { throw .refused("the position \(position) stands twice") }
        guard entry.position > position else {
            throw .refused("the position \(entry.position) stands after the later one \(position)")
        }
        position = entry.position
    }

    private mutating func take(
        _ version: HistoryVersion, of name: RecordName, in space: Identifier
    ) throws(StoreError) {
        guard stage == .spaces, space == self.space else {
            throw .refused("the history of \(name.kind)/\(name.id) does not stand after its space \(space)")
        }
        guard version.change.name == name else {
            throw .refused("the history of \(name.kind)/\(name.id) holds a version of another record")
        }
        if let last = self.version {
            guard last.name < name || (last.name == name && last.number < version.number) else {
                throw .refused("version \(version.number) of \(name.kind)/\(name.id) stands twice, or not in order")
            }
        }
        self.version = (name, version.number)
    }
}
