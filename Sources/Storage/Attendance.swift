public import Causality

/// What most requests of a device begin with: the device, what is kept of it, and whom its user is in a team with.
public struct Attendance: Sendable, Equatable {
    /// Nil: it is not registered.
    public let device: Device?
    /// What is kept of it under the name that was asked for.
    public let note: [UInt8]?
    /// As ``AccountStore/memberships(of:)``.
    public let memberships: [Membership]
    /// As ``AccountStore/teammates(of:)``.
    public let teammates: [Identifier]

    public init(device: Device?, note: [UInt8]?, memberships: [Membership], teammates: [Identifier]) {
        self.device = device
        self.note = note
        self.memberships = memberships
        self.teammates = teammates
    }
}

extension AccountStore {
    /// One after the other, for stores in which asking costs little.
    public func attendance(
        of id: Identifier, _ userID: Identifier, note name: String
    ) throws(StoreError) -> Attendance {
        let device = try device(id, of: userID)
        let memberships = try memberships(of: userID)
        return Attendance(
            device: device, note: device == nil ? nil : try note(name, device: id, of: userID),
            memberships: memberships, teammates: memberships.isEmpty ? [] : try teammates(of: userID))
    }
}
