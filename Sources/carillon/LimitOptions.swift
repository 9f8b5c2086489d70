internal import ArgumentParser
internal import Hub
internal import Reactor
internal import Wire

/// What a hub takes before it refuses.
struct LimitOptions: ParsableArguments {
    private static let standard = HubLimits()

    @Option(help: ArgumentHelp("Connections in all.", valueName: "n"))
    var maxConnections = standard.connectionsMax
    @Option(
        help: ArgumentHelp(
            "Connections of one IPv4 address or one IPv6 network of 64 bits, four times as many of 48 bits; peers on this "
                + "machine do not count.",
            valueName: "n"))
    var maxConnectionsPerAddress = standard.connectionsPerAddressMax
    @Option(help: ArgumentHelp("Sessions and streams of one key.", valueName: "n"))
    var maxConnectionsPerKey = standard.connectionsPerKeyMax
    @Option(help: ArgumentHelp("New connections a second, twice as many at once; 0: any number.", valueName: "n"))
    var maxNewConnectionsPerSecond = standard.newConnectionsPerSecondMax
    @Option(help: ArgumentHelp("The same of one address.", valueName: "n"))
    var maxNewConnectionsPerAddress = standard.newConnectionsPerSecondOfAddressMax
    @Option(help: ArgumentHelp("Event streams, polls and exports of one user.", valueName: "n"))
    var maxStreamsPerUser = standard.streamsPerUserMax
    @Option(
        help: ArgumentHelp(
            "A proxy, or a network of them as 10.0.0.0/8, whose X-Forwarded-For is believed. May be given for each.",
            valueName: "address/bits"))
    var trustedProxy: [String] = []
    @Flag(help: "Trusted proxies write Forwarded (RFC 7239): it is believed, and X-Forwarded-For is not.")
    var proxyForwarded = false

    @Option(help: ArgumentHelp("From the connection to the first byte of a request.", valueName: "seconds"))
    var handshakeTimeout = standard.handshakeSeconds
    @Option(help: ArgumentHelp("Of silence in the middle of a request.", valueName: "seconds"))
    var headTimeout = standard.headSeconds
    @Option(help: ArgumentHelp("From a WebSocket's start to its hello.", valueName: "seconds"))
    var helloTimeout = standard.helloSeconds
    @Option(help: ArgumentHelp("For all of a request but a long body.", valueName: "seconds"))
    var requestTimeout = standard.requestSeconds
    @Option(help: ArgumentHelp("In which 64 KiB of a long body come.", valueName: "seconds"))
    var bodyTimeout = standard.bodyProgressSeconds
    @Option(help: ArgumentHelp("Of silence after which a peer is given up.", valueName: "seconds"))
    var idleTimeout = standard.idleSeconds

    @Option(help: ArgumentHelp("The longest head of a request.", valueName: "KiB"))
    var maxHeadKib = standard.headBytesMax >> 10
    @Option(help: ArgumentHelp("The longest body of a request to the hub's own paths.", valueName: "MiB"))
    var maxBodyMib = standard.requestBodyBytesMax >> 20
    @Option(help: ArgumentHelp("The longest frame of a device.", valueName: "KiB"))
    var maxFrameKib = standard.wire.frameBytesMax >> 10
    @Option(help: ArgumentHelp("Changes of one push.", valueName: "n"))
    var maxChangesPerPush = standard.wire.changesPerPushMax
    @Option(help: ArgumentHelp("Pushes of one session without an answer.", valueName: "n"))
    var maxPushesInFlight = standard.wire.pushesInFlightMax

    @Option(help: ArgumentHelp("Requests that are being answered.", valueName: "n"))
    var maxRequestsInFlight = standard.requestsInFlightMax
    @Option(help: ArgumentHelp("The same of one key.", valueName: "n"))
    var maxRequestsInFlightPerKey = standard.requestsInFlightPerKeyMax
    @Option(help: ArgumentHelp("Requests of one key a second, twice as many at once; 0: any number.", valueName: "n"))
    var rateRequestsPerKey = standard.requestsPerSecondPerKeyMax
    @Option(
        help: ArgumentHelp(
            "Changes and other frames of one device a second, twice as many at once; past it the device is not read "
                + "for a while. 0: any number.",
            valueName: "n"))
    var rateChangesPerDevice = standard.changesPerSecondOfDeviceMax
    @Option(
        help: ArgumentHelp(
            "Wrong keys and passwords of an address, and wrong passwords of an account, before each costs a pause.",
            valueName: "n"))
    var loginTries = standard.loginTriesFree

    @Option(help: ArgumentHelp("What waits for one slow reader before it is fed from the log.", valueName: "KiB"))
    var maxOutboxKib = standard.outboxBytesMax >> 10
    @Option(help: ArgumentHelp("What waits for all slow readers; past it the slowest end.", valueName: "MiB"))
    var maxOutboxesMib = standard.outboxesBytesMax >> 20
    @Option(help: ArgumentHelp("Request bodies and messages that are half here, of all peers.", valueName: "MiB"))
    var maxInputMib = standard.inputBytesMax >> 20
    @Option(help: ArgumentHelp("Pushes that wait for one journal lane.", valueName: "n"))
    var maxLanePushes = standard.lanePushesMax
    @Option(help: ArgumentHelp("Their bytes.", valueName: "MiB"))
    var maxLaneMib = standard.laneBytesMax >> 20

    /// An option, what it may be, and where it goes.
    private struct Row {
        let name: String
        let value: Int
        let range: ClosedRange<Int>
        let field: WritableKeyPath<HubLimits, Int>
        var unit = 1
    }

    /// A proxy farm is a network, and not a thousand addresses.
    private static let proxiesMax = 64
    private static let many = 1...10_000_000
    private static let manyOrNone = 0...10_000_000
    private static let time = 1...86_400

    private var rows: [Row] {
        connectionRows + timeRows + sizeRows + [
            Row(
                name: "max-requests-in-flight", value: maxRequestsInFlight, range: Self.many,
                field: \.requestsInFlightMax),
            Row(
                name: "max-requests-in-flight-per-key", value: maxRequestsInFlightPerKey, range: Self.many,
                field: \.requestsInFlightPerKeyMax),
            Row(
                name: "rate-requests-per-key", value: rateRequestsPerKey, range: Self.manyOrNone,
                field: \.requestsPerSecondPerKeyMax),
            Row(
                name: "rate-changes-per-device", value: rateChangesPerDevice, range: Self.manyOrNone,
                field: \.changesPerSecondOfDeviceMax),
            Row(name: "login-tries", value: loginTries, range: 1...1_000_000, field: \.loginTriesFree),
            Row(name: "max-lane-pushes", value: maxLanePushes, range: Self.many, field: \.lanePushesMax),
        ]
    }

    private var connectionRows: [Row] {
        [
            Row(name: "max-connections", value: maxConnections, range: Self.many, field: \.connectionsMax),
            Row(
                name: "max-connections-per-address", value: maxConnectionsPerAddress, range: Self.many,
                field: \.connectionsPerAddressMax),
            Row(
                name: "max-connections-per-key", value: maxConnectionsPerKey, range: Self.many,
                field: \.connectionsPerKeyMax),
            Row(
                name: "max-new-connections-per-second", value: maxNewConnectionsPerSecond, range: Self.manyOrNone,
                field: \.newConnectionsPerSecondMax),
            Row(
                name: "max-new-connections-per-address", value: maxNewConnectionsPerAddress, range: Self.manyOrNone,
                field: \.newConnectionsPerSecondOfAddressMax),
            Row(
                name: "max-streams-per-user", value: maxStreamsPerUser, range: Self.manyOrNone,
                field: \.streamsPerUserMax),
        ]
    }

    private var timeRows: [Row] {
        [
            Row(name: "handshake-timeout", value: handshakeTimeout, range: Self.time, field: \.handshakeSeconds),
            Row(name: "head-timeout", value: headTimeout, range: Self.time, field: \.headSeconds),
            Row(name: "hello-timeout", value: helloTimeout, range: Self.time, field: \.helloSeconds),
            Row(name: "request-timeout", value: requestTimeout, range: Self.time, field: \.requestSeconds),
            Row(name: "body-timeout", value: bodyTimeout, range: Self.time, field: \.bodyProgressSeconds),
            Row(name: "idle-timeout", value: idleTimeout, range: Self.time, field: \.idleSeconds),
        ]
    }

    private var sizeRows: [Row] {
        [
            Row(name: "max-head-kib", value: maxHeadKib, range: 1...1_024, field: \.headBytesMax, unit: 1 << 10),
            Row(name: "max-body-mib", value: maxBodyMib, range: 1...1_024, field: \.requestBodyBytesMax, unit: 1 << 20),
            Row(
                name: "max-frame-kib", value: maxFrameKib, range: 4...(64 << 10), field: \.wire.frameBytesMax,
                unit: 1 << 10),
            Row(
                name: "max-changes-per-push", value: maxChangesPerPush, range: 1...100_000,
                field: \.wire.changesPerPushMax),
            Row(
                name: "max-pushes-in-flight", value: maxPushesInFlight, range: 1...10_000,
                field: \.wire.pushesInFlightMax),
            Row(
                name: "max-outbox-kib", value: maxOutboxKib, range: 64...(16 << 10), field: \.outboxBytesMax,
                unit: 1 << 10),
            Row(
                name: "max-outboxes-mib", value: maxOutboxesMib, range: 16...(1 << 20), field: \.outboxesBytesMax,
                unit: 1 << 20),
            Row(
                name: "max-input-mib", value: maxInputMib, range: 16...(1 << 20), field: \.inputBytesMax, unit: 1 << 20),
            Row(name: "max-lane-mib", value: maxLaneMib, range: 1...(1 << 20), field: \.laneBytesMax, unit: 1 << 20),
        ]
    }

    func validate() throws {
        for row in rows where !row.range.contains(row.value) {
            throw ValidationError(
                "--\(row.name) is a number from \(row.range.lowerBound) to \(row.range.upperBound), and not \(row.value)."
            )
        }
        _ = try proxies()
    }

    private func proxies() throws -> [AddressBlock] {
        guard trustedProxy.count <= LimitOptions.proxiesMax else {
            throw ValidationError("--trusted-proxy is given at most \(LimitOptions.proxiesMax) times.")
        }
        return try trustedProxy.map { text in
            guard let block = AddressBlock.parse(text) else {
                throw ValidationError("--trusted-proxy is an address or a network as 10.0.0.0/8, and not \"\(text)\".")
            }
            return block
        }
    }

    /// Writes the options into `configuration`.
    ///
    /// - Throws: a `CommandFailure` where what they name cannot be had.
    func fill(_ configuration: inout HubConfiguration) throws {
        for row in rows { configuration.limits[keyPath: row.field] = row.value * row.unit }
        // A push's body fits its frame; a peer that is silent is asked before it is given up.
        let limits = configuration.limits
        configuration.limits.wire.bodyBytesMax = min(limits.wire.bodyBytesMax, limits.wire.frameBytesMax)
        configuration.limits.pingSeconds = min(limits.pingSeconds, max(1, limits.idleSeconds * 2 / 5))
        configuration.limits.laneMarkBytes = min(limits.laneMarkBytes, limits.laneBytesMax)
        configuration.trustedProxies = try proxies()
        configuration.proxiesWriteForwarded = proxyForwarded
    }
}
