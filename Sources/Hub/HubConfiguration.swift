public import Reactor
public import Wire

/// What a hub is started with. Every limit of the hub's own is named here; those of a frame are in ``WireLimits``,
/// of a request in `HTTPLimits`, of a loop in `LoopConfiguration`.
public struct HubConfiguration: Sendable {
    /// Where to listen. Port 0 takes a free one.
    public var address: SocketAddress
    /// Event loops. One per core by default.
    public var shardCount: Int
    /// Serves `/echo`, which sends every message back: for protocol tests only.
    public var hasEcho = false
    /// Whether other processes write to the store without a bus to tell of it: then its heads are looked at all the
    /// time. With a bus they always are.
    public var isShared = false
    /// The foreign protocols that are spoken.
    public var dialects: [MountedDialect] = []
    /// Sites whose pages may ask the dialects' paths from a browser, each as a browser says it in `Origin`. None unless
    /// told.
    public var dialectOrigins: [String] = []
    /// Where long bodies wait, in files without names. TMPDIR or /tmp unless told.
    public var spoolFolder: String?
    /// TLS for every connection; nil: plain.
    public var tls: TLSServer?
    /// SHA-256 of the DER of client certificates that were revoked; replaced by ``Hub/refuse(certificates:)``.
    public var refusedCertificates: Set<[UInt8]> = []
    /// Sites whose pages may open the hub's own socket and paths from a browser, each as a browser says it in `Origin`;
    /// `*` is any. A page of the hub's own site always may.
    public var origins: [String] = []
    /// Whether a key may come in the URL (`?key=`), for clients that can set no header field. URLs are logged by proxies
    /// and kept by browsers.
    public var allowsKeyInURL = false
    /// A socket that listens already, in place of ``address``: of systemd.
    public var listener: ListeningSocket?
    /// Where `/metrics`, `/health` and `/ready` are told without a key; nil: nowhere. For an address that only operators
    /// reach.
    public var operationsAddress: SocketAddress?
    /// A socket that listens already, in place of ``operationsAddress``.
    public var operationsListener: ListeningSocket?
    /// Proxies whose `X-Forwarded-For` tells whose a request is. Nobody's word is taken unless told.
    public var trustedProxies: [AddressBlock] = []
    /// Whether it is their `Forwarded` (RFC 7239) instead. Never both: a proxy passes on the one that it does not write as
    /// the client wrote it.
    public var proxiesWriteForwarded = false
    public var compression = CompressionChoice()
    public var limits = HubLimits()

    public init(address: SocketAddress, shardCount: Int) {
        self.address = address
        self.shardCount = shardCount
    }
}

/// The hub's bounds, each with the reason of its default.
public struct HubLimits: Sendable {
    /// Connections in all: at some 2 KiB each, and 16 more with TLS, 100,000 fit where a hub of that size runs.
    public var connectionsMax = 100_000
    /// Connections of one IPv4 address or one IPv6 network of 64 bits; of 48 bits four times as many. A company behind one
    /// address has a few thousand.
    public var connectionsPerAddressMax = 4_096
    /// Sessions and streams that one key holds at once. Users share no key, but a fleet may: a bound, not a tariff.
    public var connectionsPerKeyMax = 32_768
    /// Connections that are taken a second, twice as many at once; 0: any number. A TLS handshake costs some 0.3 ms of a
    /// core, and a herd that is told to come within five seconds does not come faster.
    public var newConnectionsPerSecondMax = 4_000
    public var newConnectionsPerSecondOfAddressMax = 500
    /// Whether peers on this machine are counted by address too, and their connections by time. They are a proxy, a load
    /// test or the machine's own programs; a proxy is better named in ``HubConfiguration/trustedProxies``.
    public var countsLoopback = false
    /// Requests that are with their routes, of all who ask. Past it who asks is told to come again.
    public var requestsInFlightMax = 8_192
    /// Requests of one key that are with their routes, and those of a second, twice as many at once (0: any number). Far
    /// above what one client does: a bound for one that runs wild.
    public var requestsInFlightPerKeyMax = 1_024
    public var requestsPerSecondPerKeyMax = 10_000
    /// Changes, and frames that bring none, of one device a second, twice as many at once; 0: any number. Past it the
    /// device is not read from for a while. Off: the lanes hold up whoever brings more than the store takes, and a device
    /// that brings its first 100,000 records is no abuse.
    public var changesPerSecondOfDeviceMax = 0
    /// Addresses, accounts, keys or devices whose rates and failures are remembered, of each sort: some 100 bytes each.
    public var keyedEntriesMax = 65_536
    /// Wrong keys and passwords of an address, and wrong passwords of an account, before each costs a pause: of 1 s, and
    /// twice the last one up to a minute. A person tries five times, a device that was revoked once.
    public var loginTriesFree = 10
    public var loginPauseSecondsMax = 60
    /// Seconds without a failure after which earlier ones are forgotten.
    public var loginMemorySeconds = 900
    /// Bytes that wait in all outboxes together; what several share counts once. Past half of it a subscriber is fed from
    /// the log once ``crowdedOutboxBytes`` wait for it; past all of it those with the most end.
    public var outboxesBytesMax = 1 << 30
    public var crowdedOutboxBytes = 64 << 10
    /// Bytes of request bodies and half-received messages on all shards. Past it a body is refused, and a session whose
    /// message grows past ``smallMessageBytes`` ends, with a delay to come back.
    public var inputBytesMax = 512 << 20
    public var smallMessageBytes = 4 << 10
    /// Of frames. What the welcome tells.
    public var wire = WireLimits.standard
    /// Of requests' heads.
    public var headBytesMax = 16 << 10
    /// Connections of one shard. 65,536 of them at some 2 KiB each are 128 MiB.
    public var connectionsPerShardMax = 65_536
    /// Live devices of one user that gather on one shard, so that a commit wakes one thread. Past it they stay where
    /// they were dealt: such a fan-out wants every core.
    public var homeDevicesMax = 64
    /// Changes in one transaction: enough to make the fsync cheap (50,000 rows a second in batches of 1,000), few
    /// enough that a lone push behind them waits some tens of milliseconds.
    public var changesPerCommitMax = 4_096
    /// Bytes of pushes in one transaction: of 1 MiB each an fsync has 8, and what they are made of while they are
    /// written is in memory once more.
    public var bytesPerCommitMax = 8 << 20
    /// Bytes of pushes that wait in one journal lane past which a session that adds to them is not read on until
    /// fewer wait, or none of its own: the rest stays in its kernel and in the device. One transaction's worth, so that
    /// a lane that ends one has the next.
    public var laneMarkBytes = 8 << 20
    /// Transactions of one lane that a shard runs in a row, where the store does not block; then its other mail, and
    /// soon its sockets, have their turn, whatever other shards have brought meanwhile. Two: mostly the second finds
    /// nothing, and the lane rests.
    public var commitsPerTurnMax = 2
    /// Bytes of bodies that wait in one journal lane; past it a push is refused as overloaded.
    public var laneBytesMax = 256 << 20
    /// Pushes that wait in one journal lane.
    public var lanePushesMax = 65_536
    /// Bytes in a peer's outbox past which nothing more is read from it, and a subscriber is no longer sent live frames
    /// but fed from the log.
    public var outboxBytesMax = 1 << 20
    /// Entries and bytes of one catch-up page: one page is in memory for each device that catches up.
    public var pageEntriesMax = 1_000
    public var pageBytesMax = 512 << 10
    /// Entries of one REST page at most, and unless asked otherwise.
    public var pullEntriesMax = 10_000
    public var pullEntriesDefault = 1_000
    public var pullBytesMax = 8 << 20
    /// Conflicted records of one page at most, and unless asked otherwise: a page that a person looks through.
    public var conflictsMax = 1_000
    public var conflictsDefault = 100
    /// Bytes of the buffer in which a shard puts answers together, past which it is not kept for the next.
    public var scratchBytesMax = 256 << 10
    /// Bytes of one REST request's body, and of all bodies that are coming in on one shard.
    public var requestBodyBytesMax = 16 << 20
    public var requestBodiesBytesMax = 256 << 20
    /// Bytes of a dialect's request or answer that stay in memory; what is longer waits in a file.
    public var dialectMemoryBodyBytesMax = 1 << 20
    /// Bytes of all such files together: sixteen of the largest pushes. Past it who comes is told to come again.
    public var spooledBytesMax = 4 << 30
    /// Bytes of a body that are written to its file, or read from it, at once; and those that may wait for the disk, or
    /// in an outbox, before no more are read.
    public var spoolPieceBytes = 256 << 10
    public var spoolAheadBytesMax = 1 << 20
    /// Bytes of a long body that are to come in ``bodyProgressSeconds``. Some 50 kbit/s: a whole push has all the time that
    /// its line needs, and who sends drops does not hold a place for ever.
    public var bodyProgressBytes = 64 << 10
    /// Queues that write and read such files. The page cache takes most of it at once.
    public var spoolQueueCount = 2
    /// Requests of dialects that are answered or wait; and of those the ones with a body in a file, and their queues: a
    /// push of minutes must not hold up the reads of others.
    public var dialectRequestsMax = 512
    public var bulkRequestsMax = 32
    public var bulkQueueCount = 2
    /// Spaces of a dialect's socket: a user's own, their teams' and some teammates'.
    public var socketSpacesMax = 1_000
    /// Keys of one user that dialects make, with those that were revoked: each login makes one, and each is a row. Years
    /// of a login a day.
    public var keysPerUserMax = 2_000
    /// Bytes of a message that such a socket takes, and messages a minute: its clients listen, and say `ping`.
    public var socketMessageBytesMax = 4 << 10
    public var socketMessagesPerMinuteMax = 120
    /// Changes that are kept for such a socket that reads too slowly; past it it is told that there were some.
    public var noticesOwedMax = 1_000
    /// Bytes of messages, inflated, of one connection that are handled in one turn of its loop, each counted as
    /// ``messageWorkBytesMin`` at least: some 2 ms. What came behind them waits for the next turn, and the other sockets
    /// go first. A receive buffer of compressed messages may be of 200 times as many bytes.
    public var messageBytesPerTurnMax = 512 << 10
    public var messageWorkBytesMin = 128
    /// Bytes of a message before the hello's key is known to be good: a hello is some hundred bytes.
    public var strangerMessageBytesMax = 64 << 10
    /// Items of one commit past which a filtered subscriber reads the log, page by page, and is not sent a frame of
    /// its own making.
    public var filteredItemsMax = 256
    /// Event streams, polls and exports that one user holds at once: many agents' worth, and a bound for what a client
    /// that opens and forgets can pin (an outbox and a page each).
    public var streamsPerUserMax = 128
    /// Bytes that are held of what a peer sends while its answer goes on; past it nothing more is read. A receive
    /// buffer may come on top. The next few requests of a pipeline.
    public var heldInputBytesMax = 64 << 10
    /// Seconds that a poll waits at most, and unless asked otherwise: proxies give up on a silent answer after 60, often
    /// after 30.
    public var pollSecondsMax = 60
    public var pollSecondsDefault = 25
    /// Seconds between two comments on an event stream: proxies close what is silent for 30 to 60.
    public var heartbeatSeconds = 20
    /// Read queues: as many store reads, and registrations of devices, are under way at once. A store writes the
    /// registrations that come together in one transaction, so that a herd of new devices costs few syncs.
    public var readQueueCount = 16
    /// Of those who have fallen behind, queues of their own: however many they are, as few of their pages are read at
    /// once, and those who keep up do not wait behind them.
    public var lagQueueCount = 2
    /// Seconds from the connection to its first byte of a request, a TLS handshake in between.
    public var handshakeSeconds = 10
    /// Seconds of silence in the middle of a head or a short body.
    public var headSeconds = 10
    /// Seconds from the upgrade to the hello.
    public var helloSeconds = 10
    /// Seconds in which ``bodyProgressBytes`` of a long body come.
    public var bodyProgressSeconds = 10
    /// Seconds from a request's first byte to its last, and of a WebSocket message to its last or to
    /// ``bodyProgressBytes`` more of it.
    public var requestSeconds = 60
    /// Seconds of silence after which a peer is pinged, and after which it is given up.
    public var pingSeconds = 30
    public var idleSeconds = 75
    /// Seconds between two looks for silent peers at most: the times above are kept to within it, and to within a quarter
    /// of the shortest of them.
    public var sweepSeconds = 5
    /// Seconds from the order to stop to the end: pushes that were taken have the first six tenths, the peers' last bytes
    /// the next three, the hub's own last writes the rest (``DrainMarks``). Service managers kill after 10 to 90.
    public var drainSeconds = 5
    /// A reconnecting herd is spread over this many milliseconds by the delay in `bye`.
    public var reconnectMilliseconds: ClosedRange<Int> = 500...5_000
    /// Seconds between two looks for revoked keys: a revocation closes live sockets within it.
    public var revocationSeconds = 2
    /// Milliseconds between two looks at the heads of the spaces that have subscribers, where other hubs write to the
    /// store: a change reaches their devices within a second, also when no notification does.
    public var pollMilliseconds = 800
    /// Entries, and bytes, of other hubs that are read at once to be announced; past it every subscriber reads for
    /// itself, a page at a time. Two commits' worth; one such stretch is in memory for each read queue.
    public var stretchEntriesMax = 8_192
    public var stretchBytesMax = 8 << 20
    /// Bytes of a commit's entries that go over a bus which carries payloads; larger ones are read from the store.
    /// Half of what NATS takes unless told.
    public var payloadBytesMax = 512 << 10
    /// Seconds that a push waits for a store that is away before it is refused, with a delay to come again: longer than
    /// a database takes to change its leader, shorter than a client's patience.
    public var storeWaitSeconds = 5
    /// Seconds in which a catch-up page is tried again before its subscriber is let go. A subscriber costs its memory
    /// only, and a herd that comes back at once costs a recovering store more.
    public var catchUpPatienceSeconds = 600
    /// Seconds between two notes of who has come and gone; in which all who stay are noted again; and after which a
    /// device counts as gone of which nothing was noted. Two notes may fail.
    public var presenceSeconds = 1
    public var presenceRenewalSeconds = 30
    public var presenceLeaseSeconds = 75
    /// Seconds after which what another hub told of a user's streams counts no more. It is told every two.
    public var foreignStreamsSeconds = 10
    /// Seconds that a space's head may lie ahead of this machine's clock before the log warns of it.
    public var clockAheadSeconds = 60
    /// Milliseconds of a transaction past which the log tells of it: an fsync of a laden disk takes some hundred.
    public var slowCommitMilliseconds = 1_000
    /// Lines a second of what peers bring about, refusals, cut-offs and slow commits, past which the log only counts
    /// them: a flood of connections is not to be one of lines.
    public var noticesPerSecondMax = 20
    /// Seconds between two writes of acknowledged cursors: each is a transaction.
    public var acknowledgeSeconds = 5

    public init() {}

    /// Between two looks for silent peers.
    var sweepMilliseconds: Int {
        let shortest = [
            handshakeSeconds, headSeconds, helloSeconds, bodyProgressSeconds, requestSeconds, pingSeconds, idleSeconds,
            heartbeatSeconds,
        ].reduce(sweepSeconds * 4, min)
        return max(shortest * 250, 100)
    }
}
