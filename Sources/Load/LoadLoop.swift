internal import Histogram
internal import Reactor
internal import WebSocket

/// One loop of the load: its devices, and all that they send and hear. A room's devices are on one loop, so that who
/// has what needs no lock.
final class LoadLoop: LoopHandler {
    enum Mail: Sendable {
        case connect
        /// Pushing begins; all times are nanoseconds of the monotonic clock.
        case begin(start: UInt64, schedule: PushSchedule?, measureFrom: UInt64, measureTo: UInt64)
        /// No new push; what is under way may end. What comes from `measureTo` on is not of the measured part.
        case stopSending(measureTo: UInt64)
        /// Say goodbye and tell the final tally.
        case finish
    }

    /// What a loop is made of.
    struct Share: Sendable {
        var number: Int
        var count: Int
        var run: UInt32
        var epoch: UInt64
        var plan: LoadPlan
        var outcome: Guarded<Outcome>

        /// The rooms of this loop, by their numbers in the run.
        var rooms: [Int] { Array(stride(from: number, to: plan.users, by: count)) }
    }

    /// How the conductor sees a loop.
    struct Outcome: Sendable {
        var counts = LoadTally.Counts()
        /// Everything sent is answered, and everything accepted has come.
        var isSettled = false
        /// The sum of what has arrived: as long as it moves, waiting is worth while.
        var arrivals = 0
        /// Nanoseconds, of an answer or a delivery.
        var lastArrival: UInt64 = 0
        var final: LoadTally?
        var trouble = ""
    }

    enum Token {
        static let snapshot: UInt64 = 1
        static let connect: UInt64 = 2
        static let pace: UInt64 = 3
        static let churn: UInt64 = 4
        static let slowRead: UInt64 = 5
        static let sweep: UInt64 = 6
        static let end: UInt64 = 7
        static let begin: UInt64 = 8
        /// A device's own, its number added: connect again.
        static let again: UInt64 = 1 << 32
        /// A publisher's own: send what was deferred.
        static let resend: UInt64 = 2 << 32
    }

    let loop: EventLoop<LoadLoop>
    let share: Share
    let plan: LoadPlan
    let devices: UnsafeMutablePointer<LoadDevice>
    let deviceCount: Int
    var publishers: [Publisher] = []
    var tally = LoadTally()
    var ledger: DeliveryLedger
    var writer: PushWriter
    var scratch: [UInt8] = []
    /// What all of the loop's devices compress and inflate with.
    let deflate = SharedDeflate()
    /// Device numbers by connection slot.
    var owners: ContiguousArray<Int32> = []
    var random = SystemRandomNumberGenerator()

    // Connecting
    var waiting: ContiguousArray<Int32> = []
    var waitingIndex = 0
    var connectingCount = 0
    var connectBudget = 0.0
    var connectTickedAt: UInt64 = 0
    var connectionsMade = 0

    // Load
    var schedule: PushSchedule?
    var dueNumber = 0
    var isSending = false
    var isFinishing = false
    var measureFrom: UInt64 = .max
    var measureTo: UInt64 = .max
    var churnIndex = 0
    var pausedSlow: ContiguousArray<Int32> = []
    /// Nanoseconds: read once for each buffer that comes.
    var arrivedAt: UInt64 = 0
    var isInWindow = false
    var hints = StampHints()

    init(_ loop: EventLoop<LoadLoop>, _ share: Share) {
        self.loop = loop
        self.share = share
        plan = share.plan
        let rooms = share.rooms
        deviceCount = rooms.count * plan.devicesPerUser
        devices = .allocate(capacity: max(1, deviceCount))
        ledger = DeliveryLedger(
            rooms: rooms.count, receiversPerRoom: plan.devicesPerUser,
            publishersPerRoom: plan.isIdle ? 0 : plan.publishersPerUser)
        writer = PushWriter(run: share.run, plan: plan)
        furnish(rooms)
        loop.schedule(after: .milliseconds(LoadLimits.snapshotMilliseconds), token: Token.snapshot)
        loop.schedule(after: .seconds(1), token: Token.sweep)
    }

    deinit {
        devices.deinitialize(count: deviceCount)
        devices.deallocate()
    }

    private func furnish(_ rooms: [Int]) {
        for (room, global) in rooms.enumerated() {
            for seat in 0..<plan.devicesPerUser {
                let number = room * plan.devicesPerUser + seat
                var publisher: Int?
                if seat < plan.publishersPerUser, !plan.isIdle {
                    publisher = publishers.count
                    let globalPublisher = global * plan.publishersPerUser + seat
                    publishers.append(
                        Publisher(
                            number: globalPublisher, room: room, place: seat, device: number,
                            quota: quota(of: globalPublisher)))
                }
                (devices + number).initialize(
                    to: LoadDevice(
                        room: room, seat: seat, isSlow: isSlow(room: global, seat: seat), publisher: publisher))
            }
        }
    }

    private func quota(of publisher: Int) -> Int? {
        guard let count = plan.pushCount else { return nil }
        return count / plan.publisherCount + (publisher < count % plan.publisherCount ? 1 : 0)
    }

    /// The last seat of as many rooms as there are to be slow readers, then the last but one, and so on; publishers
    /// stay quick as long as there are others.
    private func isSlow(room: Int, seat: Int) -> Bool {
        (plan.devicesPerUser - 1 - seat) * plan.users + room < plan.slowReaders
    }

    // MARK: Mail and timers

    func mail(_ batch: ContiguousArray<Mail>) {
        for mail in batch {
            switch mail {
            case .connect: beginConnecting()
            case .begin(let start, let schedule, let from, let to): begin(start, schedule, from, to)
            case .stopSending(let time): stopSending(measureTo: time)
            case .finish: finish()
            }
        }
    }

    func timerFired(_ token: UInt64) {
        switch token {
        case Token.snapshot: tellSnapshot()
        case Token.connect: connectMore()
        case Token.pace: pace()
        case Token.churn: churn()
        case Token.slowRead: resumeSlow()
        case Token.sweep: sweep()
        case Token.end: loop.stop()
        case Token.begin: beginSending()
        default:
            let number = Int(token & 0xFFFF_FFFF)
            if token >= Token.resend { resendDeferred(number) } else { enqueue(number) }
        }
    }

    func tellSnapshot() {
        if !isFinishing {
            loop.schedule(after: .milliseconds(LoadLimits.snapshotMilliseconds), token: Token.snapshot)
        }
        tally.counts.pushesInFlight = publishers.reduce(0) { $0 + $1.flights.count }
        let counts = tally.counts
        let isSettled = !isSending && counts.pushesInFlight == 0 && isEverythingThere
        let trouble = tally.trouble
        let lastArrival = max(tally.lastAnswer, tally.lastDelivery)
        share.outcome.withLock { outcome in
            outcome.counts = counts
            outcome.isSettled = isSettled
            outcome.arrivals = counts.deliveries + counts.pushesAnswered
            outcome.lastArrival = lastArrival
            outcome.trouble = trouble
        }
    }

    private var isEverythingThere: Bool {
        publishers.allSatisfy { publisher in
            (0..<plan.devicesPerUser).allSatisfy { seat in
                seat == publisher.place
                    || ledger.place(room: publisher.room, receiver: seat, publisher: publisher.place)
                        == publisher.nextSequence
            }
        }
    }

    // MARK: The end

    func finish() {
        guard !isFinishing else { return }
        for publisher in publishers { account(publisher) }
        tellSnapshot()
        isFinishing = true
        for number in 0..<deviceCount where isConnected(number) { sayGoodbye(devices + number) }
        let tally = tally
        share.outcome.withLock { $0.final = tally }
        loop.schedule(after: .milliseconds(200), token: Token.end)
    }

    private func account(_ publisher: Publisher) {
        if publisher.hasQuotaLeft { tally.pushesOwed += max(0, publisher.due - Int(publisher.nextPush)) }
        // Whether a push without an answer was committed, nobody knows. A bare broadcast's copies are its answers, and
        // one that did not come is lost.
        for flight in publisher.flights where !plan.isRaw {
            tally.faults.unanswered += plan.changesPerPush
            for index in 0..<plan.changesPerPush { publisher.unaccepted.insert(flight.firstSequence &+ UInt32(index)) }
        }
        for seat in 0..<plan.devicesPerUser where seat != publisher.place {
            let number = publisher.room * plan.devicesPerUser + seat
            guard devices[number].hasBeenLive else { continue }
            let missing = ledger.missing(
                room: publisher.room, receiver: seat, publisher: publisher.place, total: publisher.nextSequence,
                records: plan.recordsPerPublisher, unaccepted: publisher.unaccepted)
            tally.faults.lost += missing.lost
            tally.superseded += missing.superseded
        }
    }

    func isConnected(_ number: Int) -> Bool {
        switch devices[number].phase {
        case .greeting, .catchingUp, .live: true
        case .offline, .connecting, .upgrading, .leaving, .failed: false
        }
    }
}
