import HubTesting
import Testing

@Suite("WatermelonDB convergence", .timeLimit(.minutes(5)))
struct WatermelonDBConvergenceTests {
    /// Apps edit, lose answers, crash and meet each other. Each writes a column of its own, so that no edit may be
    /// lost: in the end every row that nobody deleted has the last value of each, and what somebody deleted is nowhere.
    @Test(
        "apps with lost answers, crashes and conflicts end with the same rows, and nothing is lost",
        arguments: HubStore.allCases, [1, 2, 3, 4])
    func converge(store: HubStore, seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let hub = try TestHub.watermelon(store)
        // The one that crashes before its timestamp is kept is told all under `updated`: it may have deleted meanwhile
        // what comes to it for the second time.
        let apps = [
            WatermelonDBApp(hub, device: "phone"),
            WatermelonDBApp(hub, device: "tablet", sendsCreatedAsUpdated: true),
            WatermelonDBApp(hub, device: nil), WatermelonDBApp(hub, device: nil),
        ]
        var written: [String: [String: Int64]] = [:]
        var deleted: Set<String> = []
        func edit(_ index: Int, _ value: Int64) {
            let app = apps[index]
            let known = app.live.keys.sorted()
            if known.isEmpty || Int.random(in: 0..<4, using: &random) == 0 {
                let id = "r\(value)"
                app.set("c\(index)", value, of: id)
                written[id] = ["c\(index)": value]
            } else if let id = known.randomElement(using: &random) {
                if Int.random(in: 0..<12, using: &random) == 0 {
                    app.delete(id)
                    deleted.insert(id)
                } else {
                    app.set("c\(index)", value, of: id)
                    written[id, default: [:]]["c\(index)"] = value
                }
            }
        }
        for step in 0..<150 {
            let index = Int.random(in: 0..<apps.count, using: &random)
            edit(index, Int64(step) * 2)
            guard Int.random(in: 0..<2, using: &random) == 0 else { continue }
            var fault = WatermelonDBApp.Fault.allCases.randomElement(using: &random) ?? .none
            if fault == .crashBeforeTimestamp, !apps[index].sendsCreatedAsUpdated { fault = .none }
            let isEdited = Int.random(in: 0..<4, using: &random) == 0
            let rival = Int.random(in: 0..<apps.count, using: &random)
            try apps[index].synchronize(fault) {
                if isEdited { edit(index, Int64(step) * 2 + 1) }
                // Somebody else comes between the pull and the push.
                if rival != index { _ = try? apps[rival].synchronize() }
            }
        }
        for round in 0..<10 {
            let done = try apps.map { try $0.synchronize() }
            if round > 1, done.allSatisfy({ $0 }), apps.allSatisfy({ !$0.isDirty }) { break }
        }
        for app in apps { try app.synchronize() }
        let rows = apps[0].live
        for app in apps {
            #expect(!app.isDirty, "seed \(seed)")
            #expect(app.live == rows, "seed \(seed), \(app.device ?? "nameless")")
        }
        #expect(apps.contains { $0.conflictCount > 0 })
        for (id, columns) in written {
            if deleted.contains(id) {
                #expect(rows[id] == nil, "seed \(seed): \(id) came back")
            } else {
                for (column, value) in columns {
                    #expect(rows[id]?[column] == .integer(value), "seed \(seed): \(id).\(column)")
                }
            }
        }
        #expect(rows.count > 5)
    }
}
