public import Reactor

/// What a run shall do. The command line's options, checked.
public struct LoadPlan: Sendable {
    /// Where the hub listens.
    public var address: SocketAddress
    /// The API key of each user; a user is a room of devices. In raw mode only their number counts.
    public var keys: [String]
    public var devicesPerUser = 4
    /// Of a user's devices, how many push.
    public var publishersPerUser = 1
    /// Pushes a second of all publishers together, sent at their times whatever the hub does; nil: closed loop.
    public var pushesPerSecond: Double?
    /// Closed loop: pushes of one publisher without an answer. At most 64, the protocol's limit.
    public var window = 1
    /// Changes in a push.
    public var changesPerPush = 1
    /// Bytes of a change's body; in raw mode of the whole message. At least `Stamp.bodyBytesMin`.
    public var bodyBytes = 128
    /// Seconds of load that are measured.
    public var measuredSeconds = 10.0
    /// Seconds of load before that.
    public var warmupSeconds = 2.0
    /// Pushes of all publishers together, in place of a time.
    public var pushCount: Int?
    /// Disconnects a second; each device comes back at once with its cursor.
    public var churnPerSecond = 0.0
    /// Devices that read a little every `LoadLimits.slowReadMilliseconds` only.
    public var slowReaders = 0
    /// Event loops. A user's devices are on one loop.
    public var threads = 1
    /// Records of a publisher that are updated in turn; 0: each change is a new record.
    public var recordsPerPublisher = 0
    /// Connections are held and nothing is pushed.
    public var isIdle = false
    /// A bare broadcast server: text messages to `/?room=N`, which go to the room's others.
    public var isRaw = false
    /// Connections begun a second; nil: as fast as they are answered.
    public var connectsPerSecond: Double?
    /// Seconds in which the rate of an open loop rises from 0.
    public var rampSeconds = 0.0
    /// Seconds without any arrival after which what has not come is lost.
    public var drainSeconds = 5.0
    /// Sends a hash of its own making with each change, so that the hub need not compute SHA-256.
    public var sendsHash = false
    /// Offers compressed messages (RFC 7692) on each connection.
    public var compresses = false
    /// The hub's process, for its CPU time and memory.
    public var hubPID: Int32?
    /// Speaks TLS, and with whom; nil: plain.
    public var tls: TLSTarget?
    /// The hub's resident bytes before the first connection, where somebody has looked.
    public var hubBytesBefore: Int?

    public init(address: SocketAddress, keys: [String]) {
        self.address = address
        self.keys = keys
    }

    /// What a change says of itself needs as much.
    public static let bodyBytesMin = Stamp.bodyBytesMin

    var users: Int { keys.count }
    var deviceCount: Int { users * devicesPerUser }
    var publisherCount: Int { isIdle ? 0 : users * publishersPerUser }
}

/// The load's own bounds.
enum LoadLimits {
    /// The protocol's pushes without an answer (PROTOCOL 4.7).
    static let pushesInFlightMax = 64
    /// Connections under way at once on one loop: a hub's backlog is 4,096.
    static let connectingMax = 256
    /// Connections from one source address. It has 28,232 ports towards one listener, but the kernel searches ever
    /// longer for a free one: 20,000 connections from one address took 6.3 s, nearly all of it that search.
    static let connectionsPerSource = 8_000
    /// Seconds for which a closed connection's port is not to be had again (TIME_WAIT).
    static let portRestSeconds = 60.0
    static let connectTriesMax = 5
    static let connectSeconds = 30.0
    static let slowReadMilliseconds = 250
    /// With the kernel's doubling, what a slow reader's side holds.
    static let slowReceiveBytes = 16 * 1024
    /// How often a loop tells its figures.
    static let snapshotMilliseconds = 50
    /// The finest step of an open loop's timer: more often, the pacing costs more than the pushes.
    static let paceNanoseconds: UInt64 = 50_000
}
