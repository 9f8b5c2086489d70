/// Where a connection is in its life.
///
///     free -> connecting -> securing -> open -> closing -> lingering -> dead -> free
///
/// - connecting: `connect` is under way; sends gather in the outbox.
/// - securing: so is the handshake of TLS; sends still gather, only records of the handshake go out.
/// - closing: what the handler sends is ignored, what the peer sends is dropped, the outbox goes out.
/// - lingering: our FIN is out; we read and drop until the peer's FIN or `lingerSeconds`.
/// - dead: the descriptor is closed, `closed` is still to be told; the slot is not reused before.
/// Any phase but free can go to dead; connecting and securing cannot go to closing. Without TLS there is no securing; a
/// failure of TLS goes to lingering at once, behind its alert.
enum Phase: UInt8 {
    case free, connecting, securing, open, closing, lingering, dead
}

/// A `CloseReason` that is trivial; what failed in TLS is in the connection's session.
enum EndCause {
    case peerClosed, local, outboxFull, tls
    case failed(Int32)
}

/// One connection: trivial, about 90 bytes, and all that an idle one costs here.
struct Connection {
    var outbox = Outbox()
    var descriptor: Int32 = -1
    var generation: UInt32 = 0
    /// The epoll events that the kernel knows.
    var interest: UInt32 = 0
    var phase = Phase.free
    var isDirty = false
    var isPaused = false
    var isReadClosed = false
    /// The kernel took less than we had: wait for EPOLLOUT.
    var isBlocked = false
    /// The kernel had no memory: wait for a timer, since EPOLLOUT would come at once and forever.
    var isResting = false
    var owesDrained = false
    var cause = EndCause.local
    /// Retained from `adopt` or `connect` until `closed` is told.
    var tls: Unmanaged<TLSSession>?
    var endTimer = TimerID.none
}

/// Connections in pages that never move, so that a pointer stays good while handlers open others.
struct ConnectionSlab {
    private static let pageShift = 10
    private static let pageSlots = 1 << pageShift
    /// 4 million slots in a table of 32 KiB: four times the descriptors that Linux gives a process (`fs.nr_open`), so
    /// that those who are dead but not told yet fit too.
    private static let pagesMax = 4096
    private let pages: UnsafeMutablePointer<UnsafeMutablePointer<Connection>?>
    private var used = 0
    private var freeSlots: ContiguousArray<UInt32> = []

    /// Slots that were ever used: what a walk over all has to visit.
    var slotCount: Int { used }

    init() {
        pages = .allocate(capacity: Self.pagesMax)
        pages.initialize(repeating: nil, count: Self.pagesMax)
    }

    /// A free slot with a fresh generation.
    mutating func take() -> (ConnectionID, UnsafeMutablePointer<Connection>) {
        let index: Int
        if let free = freeSlots.popLast() {
            index = Int(free)
        } else {
            precondition(used < Self.pagesMax * Self.pageSlots, "4 million connections under way in one turn")
            index = used
            used += 1
            if pages[index >> Self.pageShift] == nil {
                let page = UnsafeMutablePointer<Connection>.allocate(capacity: Self.pageSlots)
                page.initialize(repeating: Connection(), count: Self.pageSlots)
                pages[index >> Self.pageShift] = page
            }
        }
        guard let slot = slot(index) else { preconditionFailure("A slot without a page") }
        // Skips 0, which marks the loop's own descriptors.
        let generation = slot.pointee.generation == .max ? 1 : slot.pointee.generation + 1
        slot.pointee = Connection()
        slot.pointee.generation = generation
        return (ConnectionID(index: index, generation: generation), slot)
    }

    mutating func give(_ index: Int) {
        slot(index)?.pointee.phase = .free
        freeSlots.append(UInt32(index))
    }

    func slot(_ index: Int) -> UnsafeMutablePointer<Connection>? {
        guard index < used else { return nil }
        return pages[index >> Self.pageShift].map { $0 + (index & (Self.pageSlots - 1)) }
    }

    /// The connection, unless it has ended.
    func find(_ id: ConnectionID) -> UnsafeMutablePointer<Connection>? {
        guard let slot = slot(id.index), slot.pointee.generation == id.generation else { return nil }
        return slot.pointee.phase == .free || slot.pointee.phase == .dead ? nil : slot
    }

    func deallocate() {
        for page in 0..<Self.pagesMax { pages[page]?.deallocate() }
        pages.deallocate()
    }
}
