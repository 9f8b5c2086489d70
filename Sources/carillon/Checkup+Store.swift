internal import Storage

extension Checkup {
    /// A store on Postgres: whether it lets us in, and its tables are this program's. It is only read.
    mutating func store(_ named: String) {
        let conninfo: String
        switch named {
        case "sqlite", "memory": return
        case "postgres", "postgresql": conninfo = ""
        case let url where StoreChoice.schemes.contains { url.hasPrefix($0) }: conninfo = url
        default:
            return note(
                "store", .fail, "\(PostgresURL.shown(named)) names no store.",
                remedy: "Name sqlite, memory, postgres or a postgres:// URL.")
        }
        let choice = StoreChoice.postgres(conninfo: conninfo)
        do throws(StoreError) {
            let plan = try PostgresSeam.plan(conninfo)
            if plan.found == plan.supported {
                note("store", .ok, "\(choice.shown) can be reached, and has the tables of version \(plan.found).")
            } else if plan.found > plan.supported {
                note(
                    "store", .fail,
                    "\(choice.shown) has the tables of version \(plan.found), and this program knows \(plan.supported).",
                    remedy: "Update carillon.")
            } else {
                note(
                    "store", .warn,
                    "\(choice.shown) can be reached, and has \(plan.found == 0 ? "no tables yet" : "older tables").",
                    remedy: "The next hub that starts makes them. To see how: carillon admin migrate --dry-run")
            }
        } catch {
            let failure = choice.failure(error, "Cannot open \(choice.shown)")
            note("store", .fail, failure.sentence, remedy: failure.remedy)
        }
    }
}
