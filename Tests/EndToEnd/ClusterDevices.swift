import CarillonClient
import Causality
import Foundation
import Reactor
import Wire

/// A link of a test on a thread of its own, ended by ``finish()``.
class ClusterDevice {
    private let ended = DispatchSemaphore(value: 0)
    private let lock = NSLock()
    private var address: LoopAddress<HubLink.Mail>?

    struct Stop: Sendable {}

    /// Never called twice.
    func run(_ configuration: HubLinkConfiguration, _ delegate: any HubLinkDelegate) {
        let ready = DispatchSemaphore(value: 0)
        nonisolated(unsafe) let device = self
        nonisolated(unsafe) let delegate = delegate
        let thread = Thread {
            try? HubLink.run(configuration, delegate: delegate) { address in
                device.lock.withLock { device.address = address }
                ready.signal()
            }
            device.ended.signal()
        }
        thread.stackSize = 512 << 10
        thread.start()
        ready.wait()
    }

    func post(_ note: any Sendable) {
        lock.withLock { address }?.post(.note(note))
    }

    /// Whether the link ended by itself in time.
    func waitForEnd(seconds: Double) -> Bool {
        ended.wait(timeout: .now() + seconds) == .success
    }

    static func configuration(port: UInt16, key: String, device: String) throws -> HubLinkConfiguration {
        var configuration = HubLinkConfiguration(
            url: try HubURL(parsing: "http://127.0.0.1:\(port)"), key: key, device: Identifier(unchecked: device))
        configuration.backoff.first = 0.1
        configuration.backoff.most = 0.5
        configuration.connectSeconds = 10
        return configuration
    }
}

/// Pushes numbered records one at a time, each when the one before has its verdict, through whatever happens to its hub.
final class ClusterWriter: ClusterDevice {
    let name: String
    let count: Int
    private let pusher: Pusher
    private var posted = 0

    /// Read once the link has ended.
    var tally: PushTally { pusher.tally }
    var failure: ClientError? { pusher.failure }

    init(name: String, count: Int) {
        self.name = name
        self.count = count
        var configuration = Pusher.Configuration()
        (configuration.triesMax, configuration.connectsMax, configuration.reconnectsMax) = (nil, nil, nil)
        pusher = Pusher(configuration, session: name) { Int64(Date().timeIntervalSince1970 * 1_000_000) }
    }

    static func id(_ writer: String, _ number: Int) -> String { "\(writer)/\(number)" }

    func start(port: UInt16, key: String) throws {
        var link = try ClusterDevice.configuration(port: port, key: key, device: name)
        link.isLive = false
        nonisolated(unsafe) let writer = self
        pusher.onProgress = { writer.postNext() }
        run(link, pusher)
        postNext()
    }

    private func postNext() {
        guard posted < count else { return post(PushNote.ended) }
        let text = #"{"kind":"note","id":"\#(ClusterWriter.id(name, posted))","body":{"n":\#(posted)}}"#
        posted += 1
        post(PushNote.input(PushInput(lines: [.init(number: posted, text: .text(Array(text.utf8)))], bytesTaken: 0)))
    }
}

/// Hears everything of its user, and notes what is out of order.
final class ClusterSubscriber: ClusterDevice, HubLinkDelegate {
    let name: String
    private let counting = NSLock()
    private var ids: [String: Int] = [:]
    private var last = Position.start
    private var disorder = 0
    private var restarts = 0
    private var fatal: ClientError?

    init(name: String) { self.name = name }

    func start(port: UInt16, key: String) throws {
        run(try ClusterDevice.configuration(port: port, key: key, device: name), self)
    }

    struct Finding {
        var heard: Set<String>
        var twice: Int
        var outOfOrder: Int
        var restarts: Int
        var fatal: String?
    }

    var finding: Finding {
        counting.withLock {
            Finding(
                heard: Set(ids.keys), twice: ids.values.count { $0 > 1 }, outOfOrder: disorder, restarts: restarts,
                fatal: fatal?.sentence)
        }
    }

    var heardCount: Int { counting.withLock { ids.count } }

    func linkOpened(_ link: HubLink, _ welcome: Welcome) {}

    func link(_ link: HubLink, heard entries: [LogEntry], upTo cursor: Cursor) {
        counting.withLock {
            for entry in entries {
                if entry.position <= last { disorder += 1 }
                last = entry.position
                ids[entry.change.id.text, default: 0] += 1
            }
        }
    }

    func linkRestarted(_ link: HubLink) { counting.withLock { restarts += 1 } }

    func link(_ link: HubLink, lost error: ClientError, retrySeconds: Double?) {
        if retrySeconds == nil { counting.withLock { fatal = error } }
    }

    func link(_ link: HubLink, note: any Sendable) { if note is Stop { link.finish() } }
}
