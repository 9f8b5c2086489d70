internal import ArgumentParser
internal import Causality
internal import Dispatch
internal import Foundation
internal import Hub
internal import Logging
internal import Reactor
internal import Storage

/// `carillon serve`: a hub until SIGTERM.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run a hub.",
        discussion: """
            Keeps its data in a folder, or in a Postgres, and runs until SIGINT or SIGTERM; then it commits what it has, says bye to \
            its devices and exits with 0.

              carillon serve --quick-start
              carillon serve --tls-self-signed --listen 0.0.0.0:8787 --tls-name hub.lan
              carillon serve --data /var/lib/carillon --listen 0.0.0.0:8787 --tls-cert hub.pem --tls-key hub-key.pem
              carillon serve --policy presence=lww --policy cursor=lww
              CARILLON_STORE=postgres://carillon@db.example/carillon carillon serve --data /var/lib/carillon

            Without TLS it listens on this machine only, unless --insecure says that others are kept out. Certificates, \
            keys and OCSP responses are read again when their files change, and at SIGHUP; connections stand.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var service: ServiceOptions
    @OptionGroup var dialect: DialectOptions
    @OptionGroup(title: "TLS") var tls: TLSOptions
    @OptionGroup(title: "Limits") var limit: LimitOptions
    @OptionGroup(title: "Compression") var compression: CompressionOptions
    @OptionGroup(title: "Access") var access: AccessOptions
    @OptionGroup(title: "Log") var logging: LogOptions
    @OptionGroup(title: "Operations") var operations: OperationsOptions
    @Option(help: ArgumentHelp("Where to listen; port 0 takes a free one.", valueName: "address:port"))
    var listen = "127.0.0.1:8787"
    @Option(help: ArgumentHelp("Event loops, one per core unless told.", valueName: "n"))
    var shards: Int?
    @Option(
        help: ArgumentHelp(
            "Sets the policy of a kind, as `carillon policy set` does: KIND=manual (both are kept), KIND=lww or "
                + "KIND=merge.",
            valueName: "kind=policy"))
    var policy: [String] = []
    @Option(
        help: ArgumentHelp(
            "With --store memory: copy the users and keys of this data folder at the start.", valueName: "dir"))
    var accounts: String?
    @Flag(
        help: ArgumentHelp(
            "Stop when standard input ends, as it does with the process that holds it.", visibility: .hidden))
    var stopAtEof = false
    @Flag(help: "Serve /echo, for protocol tests only.")
    var echo = false
    @Flag(help: "Make a first user and key if there is none, and print the lines to try.")
    var quickStart = false

    func validate() throws {
        if let shards, !(1...256).contains(shards) { throw ValidationError("--shards is a number from 1 to 256.") }
        let choice = try store.choice()
        if accounts != nil, !choice.isMemory { throw ValidationError("--accounts goes with --store memory.") }
        _ = try service.plan(for: choice)
        _ = try policies()
        try tls.check(try address())
    }

    func run() throws {
        Heap.returnLargeBlocks()
        let sink = logging.begin()
        // What was logged before a failure is what explains it.
        defer { sink.finish() }
        let log = Logger(label: "carillon")
        let notice = ServiceNotice.take()
        let sockets = try InheritedSockets.take()
        let place = try sockets.hub?.localAddress ?? address()
        if sockets.hub != nil { try tls.checkHandedOver(place) }
        let stopped = DispatchSemaphore(value: 0)
        let signals = StopSignals { stopped.signal() }
        let parent = stopAtEof ? EndOfInput { stopped.signal() } : nil
        FileLimit.raise(log)
        PrivateFolder.makePrivate()
        if !access.coreDumps, !CoreDumps.forbid() { log.notice("the kernel may still write core dumps") }
        let choice = try store.choice()
        let plan = try service.plan(for: choice)
        try store.data.create()
        var lock: FolderLock?
        // Hubs on one Postgres tell each other of commits; two on one folder would not.
        if case .sqlite = choice { lock = try store.data.lock() }
        let opened = try choice.openWhole { log.warning("\($0)") }
        log.info("the store is open", metadata: ["store": "\(choice.shown)"])
        if choice.isMemory, let accounts {
            try copyAccounts(from: try DataFolder.parse(["--data", accounts]), to: opened)
        }
        try setPolicies(opened)
        let first =
            quickStart ? try QuickStart(options: store, store: opened, isKept: !choice.isMemory).prepare() : nil
        let hub = try start(at: place, opened, choice, plan, sockets, log)
        let folder = TLSFolder(store.data)
        let served = ServedTLS(
            hub.tls, folder, ownNames: tls.tlsSelfSigned ? tls.names(place) : nil, of: hub, notice: notice, log: log)
        announce(hub, first)
        if first == nil { warnOfNoUsers(opened, choice) }
        notice?.tell("READY=1", "STATUS=Listens on \(hub.address)")
        let watchdog = notice.flatMap { notice in
            Watchdog(notice, log: log) { milliseconds in
                hub.isAlive(milliseconds: milliseconds, stuckSeconds: ServeCommand.stuckCommitSeconds)
            }
        }
        stopped.wait()
        notice?.tell("STOPPING=1", "STATUS=Drains")
        endAnyway(log, sink)
        hub.stop()
        withExtendedLifetime((signals, parent, lock, watchdog, served)) {}
    }

    /// Seconds after which a commit under way counts as one that will not end: the watchdog lets us be restarted.
    private static let stuckCommitSeconds = 60
    /// Seconds that the parts of a stop which have no bound of their own, a loop or a store that hangs, get on top.
    private static let hangSeconds = 2

    /// Ends the process when the stop does not.
    private func endAnyway(_ log: Logger, _ sink: LogSink) {
        let deadline = DispatchTime.now() + .seconds(operations.drainSeconds + ServeCommand.hangSeconds)
        DispatchQueue.global(qos: .userInitiated).asyncAfter(deadline: deadline) {
            log.error("the stop hangs: it ends here. What was acknowledged is in the store")
            sink.finish()
            _exit(ExitStatus.temporary.rawValue)
        }
    }

    /// A memory store begins without anybody. Users keep their names and keys, and begin with an empty space.
    private func copyAccounts(from folder: DataFolder, to memory: any Store) throws {
        try folder.requireDatabase()
        let kept = try StoreChoice.sqlite(folder).openWhole()
        do throws(StoreError) {
            for user in try kept.accounts.users() {
                try memory.accounts.add(user)
                for key in try kept.accounts.keys(of: user.id) { try memory.accounts.add(key) }
            }
        } catch {
            throw CommandFailure(error, "Cannot copy the users of \(folder.path)")
        }
    }

    private func start(
        at place: SocketAddress, _ store: any Store, _ choice: StoreChoice, _ plan: ServicePlan,
        _ sockets: InheritedSockets, _ log: Logger
    ) throws -> Hub {
        var configuration = HubConfiguration(
            address: place, shardCount: shards ?? min(256, ProcessInfo.processInfo.activeProcessorCount))
        configuration.hasEcho = echo
        configuration.dialects = try dialect.mounted()
        configuration.dialectOrigins = try dialect.origins()
        // Not /tmp: it may be memory, and a body is long.
        configuration.spoolFolder = self.store.data.path
        configuration.isShared = plan.isShared
        configuration.limits.storeWaitSeconds = plan.storeWaitSeconds
        configuration.limits.pollMilliseconds = plan.pollMilliseconds
        try tls.fill(&configuration, TLSFolder(self.store.data))
        try limit.fill(&configuration)
        compression.fill(&configuration)
        try access.fill(&configuration)
        try logging.fill(&configuration)
        try operations.fill(&configuration)
        configuration.listener = sockets.hub
        configuration.operationsListener = sockets.operations
        var bus: (any Bus)?
        if case .postgres(let conninfo) = choice {
            bus = try plan.openBus(conninfo: conninfo, of: store, log: log)
        }
        let pullStore = try plan.openReadStore(log: log)
        do throws(ReactorError) {
            return try Hub.start(store: store, bus: bus, pullStore: pullStore, configuration: configuration, log: log)
        } catch {
            switch error {
            case .addressInUse(let address):
                throw CommandFailure(
                    .hubUnavailable, "Another process, maybe a hub, listens on \(address).",
                    remedy: "Stop it, or choose another port: carillon serve --listen \(address.hostText):0")
            default: throw CommandFailure(.hubUnavailable, error.description)
            }
        }
    }

    private func announce(_ hub: Hub, _ first: QuickStart.First?) {
        let place = HubAddress(hub.address, tls, TLSFolder(store.data))
        var lines = "Carillon listens on \(tls.isOn ? "https" : "http")://\(hub.address)\n"
        for mounted in (try? dialect.mounted()) ?? [] {
            lines += "Speaks \(mounted.dialect.name) at \(place.url)\(mounted.path)\n"
        }
        if let operations = hub.operationsAddress { lines += "Metrics at http://\(operations)/metrics\n" }
        lines += place.lines
        lines += first?.lines(address: hub.address, place) ?? ""
        // Whoever closed our output is no reason not to serve.
        try? Output.write(lines)
    }

    /// A hub without a user refuses everybody; whoever starts one should not have to find out why.
    private func warnOfNoUsers(_ opened: any Store, _ choice: StoreChoice) {
        guard !echo, let users = try? Accounts(store: opened).users(), users.isEmpty else { return }
        let remedy =
            choice.isMemory
            ? "The memory store gets one with --quick-start only."
            : "Make one: carillon user add NAME\(store.words), then carillon key create NAME\(store.words)"
        Terminal.complain("There is no user yet, so nobody can connect. \(remedy)")
    }

    private func policies() throws -> [Identifier: ConflictPolicy] {
        var policies: [Identifier: ConflictPolicy] = [:]
        for text in policy {
            guard let equals = text.lastIndex(of: "="),
                let policy = ConflictPolicy(named: String(text[text.index(after: equals)...]))
            else {
                throw ValidationError("--policy is KIND=manual, KIND=lww or KIND=merge, and not \"\(text)\".")
            }
            policies[try Names.identifier(String(text[..<equals]), "kind")] = policy
        }
        return policies
    }

    /// Writes into the store what differs. Of a kind that is merged already the declared fields stay.
    private func setPolicies(_ store: any Store) throws {
        let wanted = try policies()
        do throws(StoreError) {
            let stored = wanted.isEmpty ? [:] : try store.policies()
            for (kind, policy) in wanted where stored[kind]?.name != policy.name {
                try store.setPolicy(policy, for: kind)
            }
        } catch {
            throw CommandFailure(error, "Cannot set the policies")
        }
    }

    private func address() throws -> SocketAddress {
        guard let address = ListenAddress.parse(listen) else {
            throw ValidationError("--listen is an address and a port like 127.0.0.1:8787 or [::1]:8787.")
        }
        return address
    }
}
