/// When each push of an open loop is meant to leave. Latencies are counted from that time, so that a hub that stalls
/// is charged for the pushes that had to wait for it (coordinated omission).
struct PushSchedule: Sendable {
    /// Nanoseconds.
    var start: UInt64
    var pushesPerSecond: Double
    /// The rate rises from 0 in this time.
    var rampSeconds = 0.0

    /// Nanoseconds at which push `number` leaves, from 0.
    func time(of number: Int) -> UInt64 {
        let inRamp = pushesPerSecond * rampSeconds / 2
        let seconds: Double
        if Double(number) < inRamp {
            seconds = (2 * Double(number) * rampSeconds / pushesPerSecond).squareRoot()
        } else {
            seconds = rampSeconds + (Double(number) - inRamp) / pushesPerSecond
        }
        return start + UInt64(seconds * 1e9)
    }
}
