public import Reactor

/// What a hostile run shall do: the same load three times, calm, beside attackers, and calm again.
public struct HostilePlan: Sendable {
    /// The well-behaved devices. Its seconds are those of the attack.
    public var load: LoadPlan
    /// Attackers at once, each with at most ``HostileLimits/connectionsPerPeer`` connections. They share the kinds.
    public var peers = 64
    /// Which attacks; all of them unless told, and one alone to see what it does.
    public var kinds = HostileKind.allCases
    /// Seconds of each calm phase.
    public var calmSeconds = 10.0
    /// How many times the calm p99 the attacked one may be, ``HostileLimits/p99SlackMilliseconds`` on top. 3: attackers
    /// and hub share the machine, and its cores with whatever else runs.
    public var p99Factor = 3.0
    /// Whether the hub's memory and descriptors are judged.
    public var watchesHub = true

    public init(_ load: LoadPlan) { self.load = load }

    /// Whether it goes to this machine. An attack goes nowhere else, whoever asks.
    public static func isAllowed(_ address: SocketAddress) -> Bool {
        address.hostText == "::1" || address.hostText.hasPrefix("127.")
    }
}

/// The attack's own bounds.
public enum HostileLimits {
    public static let peersMax = 512
    /// Connections that one peer holds.
    static let connectionsPerPeer = 4
    /// Longest that one round of an attack lasts: past every time-out that a hub gives its peers by default.
    static let roundSeconds = 90.0
    /// Between rounds. Without a rest the attackers would take the cores, and not the hub, from the devices.
    static let restMilliseconds = 20...120
    /// Bytes that one round sends.
    static let roundBytesMax = 8 << 20
    /// What a busy machine adds to a p99 of a fraction of a millisecond.
    static let p99SlackMilliseconds = 10.0
    /// Memory is flat when the last quarter's median is within a tenth and this of the second quarter's.
    static let memorySlackBytes = 8 << 20
    static let memoryFactor = 1.1
    /// A hub of a long run; longer than that the sampling is made sparser.
    static let samplesMax = 4_096
    /// What a store opens when it is first asked.
    static let descriptorSlack = 4
    /// How long the hub may take to close what the attackers left.
    static let descriptorSeconds = 60.0
}
