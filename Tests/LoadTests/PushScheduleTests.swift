import Testing

@testable import Load

@Suite("Push schedule")
struct PushScheduleTests {
    @Test("an open loop's pushes are evenly spaced from its start")
    func even() {
        let schedule = PushSchedule(start: 1_000, pushesPerSecond: 500)
        #expect(schedule.time(of: 0) == 1_000)
        #expect(schedule.time(of: 1) == 1_000 + 2_000_000)
        #expect(schedule.time(of: 500) == 1_000 + 1_000_000_000)
    }

    @Test("a ramp sends half as many pushes in its time, and then the full rate")
    func ramp() {
        let schedule = PushSchedule(start: 0, pushesPerSecond: 1_000, rampSeconds: 2)
        #expect(schedule.time(of: 0) == 0)
        #expect(schedule.time(of: 1_000) == 2_000_000_000)
        #expect(schedule.time(of: 2_000) == 3_000_000_000)
        let times = (0..<3_000).map { schedule.time(of: $0) }
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
    }
}
