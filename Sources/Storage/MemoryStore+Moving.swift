public import Causality

/// Reading out and filling a ``MemoryStore``.
extension MemoryStore {
    public func readAll(_ body: (KeptItem) throws -> Void) throws {
        // A copy: one cut, and writers go on. It costs them copies of the arrays that they touch next.
        let (life, state) = (generation, copy())
        try body(.life(life))
        for (kind, policy) in state.merging.policies.sorted(by: { $0.key < $1.key }) {
            try body(.policy(policy, kind: kind))
        }
        for user in state.users.values.sorted(by: { $0.name < $1.name }) {
            try body(.user(user, passwordHash: state.passwordHashes[user.id]))
            let keys = state.keys.values.filter { $0.userID == user.id }
            for key in keys.sorted(by: { ($0.createdAt, $0.prefix) < ($1.createdAt, $1.prefix) }) {
                try body(.key(key))
            }
            let devices = (state.devices[user.id] ?? [:]).values
            for device in devices.sorted(by: { ($0.registeredAt, $0.id) < ($1.registeredAt, $1.id) }) {
                try body(.device(device))
                for held in state.notes[user.id]?[device.id] ?? [] {
                    try body(.note(held.note, name: held.name, device: device.id, of: user.id))
                }
            }
        }
        for team in state.teams.values.sorted(by: { $0.name < $1.name }) {
            try body(.team(team))
            for membership in state.memberships(in: team.id) { try body(.member(membership)) }
        }
        let histories = Dictionary(grouping: state.merging.histories.keys, by: \.space)
        for (name, space) in state.spaces.sorted(by: { $0.key < $1.key }) {
            try body(.space(name, head: space.head))
            try space.eachEntry { try body(.entry($0, space: name)) }
            for record in (histories[name] ?? []).map(\.name).sorted() {
                for version in state.merging.history(of: record, in: name) {
                    try body(.version(version, name: record, space: name))
                }
            }
        }
    }

    public func scan(_ query: PageQuery, _ body: ([LogEntry]) throws -> Void) throws -> Position {
        // A copy, as above.
        let space = copy().spaces[query.space] ?? MemorySpace()
        return try query.walk({ space.page($0) }, body)
    }

    public func fill(_ next: () throws -> KeptItem?) throws {
        try locked { (state) throws(StoreError) in
            guard !state.isUnfinished else { throw .unfinished }
            guard state.isEmpty else { throw .notEmpty }
            state.isUnfinished = true
        }
        var sequence = KeptSequence()
        while let item = try next() {
            try sequence.take(item)
            try locked { (state) throws(StoreError) in try state.take(item) }
        }
        let life = try sequence.finish()
        try locked { (state) throws(StoreError) in
            if let orphan = state.spaces.values.lazy.compactMap(\.orphan).first {
                throw .refused("the record \(orphan.kind)/\(orphan.id) has siblings and no head")
            }
            state.isUnfinished = false
        }
        set(life)
    }

    public var isUnfinished: Bool {
        get throws(StoreError) { try locked { $0.isUnfinished } }
    }

    public func renewGeneration() throws(StoreError) {
        set(.random())
    }
}

extension Generation {
    /// A new life.
    public static func random() -> Generation {
        // The system's generator, which nobody can guess.
        var random = SystemRandomNumberGenerator()
        return Generation(random.next())
    }
}

extension StoreError {
    /// Why a store is not filled.
    public static var notEmpty: StoreError { .refused("the store is not empty") }

    /// Why a store is neither filled nor served: a ``Store/fill(_:)`` of it broke off.
    public static var unfinished: StoreError { .refused("the store holds a part of an import that broke off") }
}

extension MemoryStore.State {
    var isEmpty: Bool { spaces.isEmpty && users.isEmpty && teams.isEmpty && merging.policies.isEmpty }

    fileprivate mutating func take(_ item: KeptItem) throws(StoreError) {
        switch item {
        case .life: break
        case .policy(let policy, let kind): try merging.setPolicy(policy, for: kind)
        case .user(let user, let passwordHash):
            guard users[user.id] == nil else { throw .refused("the user id \(user.id) stands twice") }
            guard mayHave(user) else { throw .refused("an email stands twice") }
            users[user.id] = user
            passwordHashes[user.id] = passwordHash
        case .key(let key):
            guard keys[key.prefix] == nil else { throw .refused("the key \(key.prefix) stands twice") }
            keys[key.prefix] = key
        case .device(let device):
            guard devices[device.userID]?[device.id] == nil else {
                throw .refused("the device \(device.id) stands twice")
            }
            devices[device.userID, default: [:]][device.id] = device
        case .note(let note, let name, let device, let user): keep(note, name, device: device, of: user)
        case .team(let team):
            guard !isTaken(id: team.id, name: team.name) else {
                throw .refused("the name or id of the team \(team.name) is a user's or another team's")
            }
            teams[team.id] = team
        case .member(let membership):
            guard users[membership.userID] != nil else {
                throw .refused("there is no user \(membership.userID) to be a member")
            }
            members[membership.teamID, default: [:]][membership.userID] = membership.role
        case .space(let name, let head):
            var space = MemorySpace()
            _ = space.append([], ending: [], head: head)
            spaces[name] = space
        case .entry(let entry, let name):
            let place = spaces[name]?.places[entry.change.name]
            guard entry.isSibling || place?.head == nil else {
                throw .refused("the record \(entry.change.kind)/\(entry.change.id) has two heads")
            }
            let head = spaces[name]?.head ?? .start
            _ = spaces[name]?.append([entry], ending: [], head: head)
        case .version(let version, let name, let space):
            merging.revise(HistoryEdit(name: name, removed: [], added: [version]), in: space)
        }
    }
}
