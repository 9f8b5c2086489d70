public import Causality
public import Wire

/// Which of the changes that were heard is to be worked on next, and up to where all work has succeeded.
///
///     waiting --next--> running --succeeded--> done, and dropped once all before it are
///     running --failed--> waiting, not before a given time
///
/// At most ``jobsMax`` run at once, and never two of one record: its changes stay in their order. The cursor follows
/// success without a gap, so that work that is begun again begins with the first change that did not succeed.
public struct ChangeSchedule: Sendable {
    public struct Job: Sendable {
        /// Rising, in the order of the log; never given twice.
        public let number: Int
        public let entry: LogEntry
        /// From 1.
        public let attempt: Int
    }

    private enum State {
        /// Nanoseconds of the caller's clock.
        case waiting(notBefore: UInt64)
        case running
        case done
    }

    private struct Item {
        /// Nil for a place in the log at which there is nothing to do.
        var entry: LogEntry?
        var place: Cursor
        var state: State
        var attempts = 0
        var bytes: Int
    }

    private struct Name: Hashable {
        let kind: Identifier
        let id: Identifier

        init(_ entry: LogEntry) { (kind, id) = (entry.change.kind, entry.change.id) }
    }

    /// Changes that may wait before no more should be read. 1,000: far more than run at once, and a scan of them costs
    /// nothing beside a process.
    public static let countMax = 1_000
    /// Bytes of their bodies. 16 MiB: one full frame.
    public static let bytesMax = 16 << 20

    public let jobsMax: Int
    /// All up to here has succeeded.
    public private(set) var cursor: Cursor?
    public private(set) var runningCount = 0
    /// Changes that have succeeded.
    public private(set) var succeededCount = 0
    private var items: [Item] = []
    private var firstNumber = 0
    private var bytes = 0

    public init(jobsMax: Int) {
        self.jobsMax = max(1, jobsMax)
    }

    /// Nothing waits and nothing runs.
    public var isEmpty: Bool { items.isEmpty }
    public var isFull: Bool { items.count >= ChangeSchedule.countMax || bytes >= ChangeSchedule.bytesMax }
    /// Half of the room is free: reading may go on. Not at the first free place, or each change would be a pause.
    public var hasRoom: Bool { items.count <= ChangeSchedule.countMax / 2 && bytes <= ChangeSchedule.bytesMax / 2 }

    /// - Parameter place: where the log is resumed behind this change.
    public mutating func append(_ entry: LogEntry, place: Cursor) {
        let count = entry.change.body.count
        bytes += count
        items.append(Item(entry: entry, place: place, state: .waiting(notBefore: 0), bytes: count))
    }

    /// There is nothing to do up to `place`.
    public mutating func pass(to place: Cursor) {
        if let last = items.indices.last {
            // Two such places in a row are one; a long catch-up of what is not for us costs nothing.
            if items[last].entry == nil {
                items[last].place = place
            } else {
                items.append(Item(entry: nil, place: place, state: .done, bytes: 0))
            }
        } else {
            cursor = place
        }
    }

    /// The next change to work on now; it counts as running from here on.
    public mutating func next(now: UInt64) -> Job? {
        guard runningCount < jobsMax else { return nil }
        var busy: Set<Name> = []
        for index in items.indices {
            guard let entry = items[index].entry else { continue }
            let name = Name(entry)
            switch items[index].state {
            case .done: continue
            case .running: busy.insert(name)
            case .waiting(let notBefore):
                if busy.contains(name) { continue }
                guard notBefore <= now else {
                    // With one job the order is that of the log, whatever the record.
                    if jobsMax == 1 { return nil }
                    busy.insert(name)
                    continue
                }
                items[index].state = .running
                items[index].attempts += 1
                runningCount += 1
                return Job(number: firstNumber + index, entry: entry, attempt: items[index].attempts)
            }
        }
        return nil
    }

    public mutating func succeeded(_ number: Int) {
        guard let index = runningIndex(number) else { return }
        items[index].state = .done
        runningCount -= 1
        succeededCount += 1
        drop()
    }

    /// The change is to be worked on again, from `notBefore` on.
    public mutating func failed(_ number: Int, notBefore: UInt64) {
        guard let index = runningIndex(number) else { return }
        items[index].state = .waiting(notBefore: notBefore)
        runningCount -= 1
    }

    /// The log begins anew: what waits will come again, what runs is counted no more.
    public mutating func reset() {
        firstNumber += items.count
        items = []
        (bytes, runningCount, cursor) = (0, 0, nil)
    }

    private func runningIndex(_ number: Int) -> Int? {
        let index = number - firstNumber
        guard items.indices.contains(index), case .running = items[index].state else { return nil }
        return index
    }

    private mutating func drop() {
        var count = 0
        for item in items {
            guard case .done = item.state else { break }
            cursor = item.place
            bytes -= item.bytes
            count += 1
        }
        items.removeFirst(count)
        firstNumber += count
    }
}
