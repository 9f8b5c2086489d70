/// A timer that was scheduled; harmless after it fired.
public struct TimerID: Hashable, Sendable {
    let slot: UInt32
    let generation: UInt32

    /// No timer: what `schedule` returns past `timersMax`.
    public static let none = TimerID(slot: .max, generation: 0)
}

/// The timers of a loop: a binary heap by deadline, equal deadlines in the order of scheduling.
///
/// Cancelling only marks the slot; the entry is skipped when it surfaces, and when more than half of the heap is marked
/// it is rebuilt, so a timer that is restarted on every frame costs memory for two.
struct TimerHeap {
    enum Purpose: UInt8 {
        case handler, endConnection, retryFlush, resumeAccepting
    }

    struct Fired {
        let purpose: Purpose
        let token: UInt64
    }

    private struct Entry {
        let deadline: UInt64
        let sequence: UInt64
        let id: TimerID

        func precedes(_ other: Entry) -> Bool {
            deadline < other.deadline || (deadline == other.deadline && sequence < other.sequence)
        }
    }

    private struct Slot {
        var generation: UInt32 = 1
        var purpose = Purpose.handler
        var token: UInt64 = 0
    }

    private var heap: ContiguousArray<Entry> = []
    private var slots: ContiguousArray<Slot> = []
    private var freeSlots: ContiguousArray<UInt32> = []
    private(set) var nextSequence: UInt64 = 0

    /// Timers under way.
    var count: Int { slots.count - freeSlots.count }

    /// When something may be due: never later than the first live timer.
    var firstDeadline: UInt64? { heap.first?.deadline }

    mutating func schedule(at deadline: UInt64, _ purpose: Purpose, token: UInt64) -> TimerID {
        let slot: UInt32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = UInt32(slots.count)
            slots.append(Slot())
        }
        slots[Int(slot)].purpose = purpose
        slots[Int(slot)].token = token
        let id = TimerID(slot: slot, generation: slots[Int(slot)].generation)
        heap.append(Entry(deadline: deadline, sequence: nextSequence, id: id))
        nextSequence += 1
        siftUp(heap.count - 1)
        return id
    }

    mutating func cancel(_ id: TimerID) {
        guard isLive(id) else { return }
        release(id)
        let stale = heap.count - count
        guard stale > 64, stale > heap.count / 2 else { return }
        heap = ContiguousArray(heap.filter { isLive($0.id) })
        for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
    }

    /// Takes the next timer that is due at `now` and was scheduled before sequence number `limit`: one that a firing
    /// timer schedules for at once waits for the next turn, so that the loop always gets to its sockets.
    mutating func popDue(_ now: UInt64, before limit: UInt64) -> Fired? {
        while let first = heap.first, first.deadline <= now {
            guard isLive(first.id) else {
                removeFirst()
                continue
            }
            guard first.sequence < limit else { return nil }
            removeFirst()
            let slot = slots[Int(first.id.slot)]
            release(first.id)
            return Fired(purpose: slot.purpose, token: slot.token)
        }
        return nil
    }

    private func isLive(_ id: TimerID) -> Bool {
        Int(id.slot) < slots.count && slots[Int(id.slot)].generation == id.generation
    }

    private mutating func release(_ id: TimerID) {
        slots[Int(id.slot)].generation &+= 1
        freeSlots.append(id.slot)
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        siftDown(0)
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0, heap[index].precedes(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in (2 * index + 1)...(2 * index + 2) where child < heap.count && heap[child].precedes(heap[least])
            {
                least = child
            }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
