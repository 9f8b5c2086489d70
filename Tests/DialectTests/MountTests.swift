import Hub
import Testing

@Suite("Mounted dialects")
struct MountTests {
    @Test("two dialects whose paths meet, and one that meets the hub's own, are named")
    func meetings() {
        let probe = ProbeDialect()
        func refusal(_ mounted: [MountedDialect]) -> String? {
            do throws(DialectMountError) {
                try MountedDialect.check(mounted)
                return nil
            } catch {
                return error.sentence
            }
        }
        #expect(refusal([MountedDialect(probe)]) == nil)
        #expect(refusal([MountedDialect(probe), MountedDialect(probe)])?.contains("probe answers /probe") == true)
        #expect(refusal([MountedDialect(probe), MountedDialect(probe, prefix: "/other")]) == nil)
        // Its own /probe/{count}, and its socket of the same shape, are one dialect's.
        let meetsHub = refusal([MountedDialect(PathDialect(path: "/v1/{anything}"))])
        #expect(meetsHub?.contains("the hub") == true)
        #expect(refusal([MountedDialect(PathDialect(path: "/v1/{anything}"), prefix: "/x")]) == nil)
    }
}

/// A dialect of one path.
private struct PathDialect: Dialect {
    let path: String
    let name = "path"

    var routes: [DialectRoute] { [DialectRoute(.get, path) { _, _ in ProbeDialect.text(200, "") }] }

    func answer(to error: DialectError) -> DialectAnswer { ProbeDialect.text(400, "\(error)") }
}
