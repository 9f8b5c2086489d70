import CarillonClient
import Testing

@Suite("--since")
struct SinceTimeTests {
    private static let now: Int64 = 1_700_000_000_000_000

    @Test(
        "is a span before now",
        arguments: [("30s", 30), ("10m", 600), ("2h", 7_200), ("1d", 86_400), ("1w", 604_800)] as [(String, Int64)])
    func spans(text: String, seconds: Int64) {
        #expect(SinceTime.parse(text, now: Self.now) == Self.now - seconds * 1_000_000)
    }

    @Test("is a time with its offset, with fractions or without")
    func times() {
        #expect(SinceTime.parse("2023-11-14T22:13:20Z", now: 0) == 1_700_000_000_000_000)
        #expect(SinceTime.parse("2023-11-14T23:13:20+01:00", now: 0) == 1_700_000_000_000_000)
        #expect(SinceTime.parse("2023-11-14T22:13:20.500Z", now: 0) == 1_700_000_000_500_000)
        #expect(SinceTime.parse("2023-11-14", now: 0) != nil)
    }

    @Test("is 0 for the beginning, and never before it")
    func beginning() {
        #expect(SinceTime.parse("0", now: Self.now) == 0)
        #expect(SinceTime.parse("99999w", now: Self.now) == 0)
    }

    @Test("anything else is no time", arguments: ["", "m", "-5m", "10x", "yesterday", "9223372036854775807w", "1.5h"])
    func refuses(text: String) {
        #expect(SinceTime.parse(text, now: Self.now) == nil)
    }
}
