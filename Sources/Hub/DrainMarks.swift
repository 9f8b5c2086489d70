internal import Dispatch

/// When each part of a drain is to be over, so that the whole stays within ``HubLimits/drainSeconds`` and a part that
/// hangs, a store that does not answer or a peer that does not read, leaves the others their time.
struct DrainMarks {
    /// Pushes are committed and answered. The longest part: what is lost here is work.
    let committed: DispatchTime
    /// Peers have taken their last bytes.
    let emptied: DispatchTime
    /// Acknowledged cursors and presence are in the store.
    let written: DispatchTime

    init(seconds: Int) {
        let now = DispatchTime.now()
        func mark(_ tenths: Int) -> DispatchTime { now + .milliseconds(max(seconds, 0) * 100 * tenths) }
        (committed, emptied, written) = (mark(6), mark(9), mark(10))
    }
}
