public import Storage

extension PostgresStore: MeteredStore {
    public var metricsText: String {
        let metrics = metrics
        let retries = [
            ("serialization", metrics.serializationRetries), ("deadlock", metrics.deadlockRetries),
            ("lock_timeout", metrics.lockTimeoutRetries), ("connection", metrics.connectionRetries),
        ]
        let counters = [
            ("commits_total", "Transactions committed.", metrics.commits),
            ("connections_total", "Connections made.", metrics.connections),
            ("outcomes_asked_total", "Commits whose answer was lost and asked for.", metrics.outcomesAsked),
            ("pool_waits_total", "Calls that waited for a free connection.", metrics.poolWaits),
        ]
        var text = "# HELP carillon_store_retries_total Transactions run again, by reason.\n"
        text += "# TYPE carillon_store_retries_total counter\n"
        for (reason, count) in retries { text += "carillon_store_retries_total{reason=\"\(reason)\"} \(count)\n" }
        for (name, help, count) in counters {
            text += "# HELP carillon_store_\(name) \(help)\n# TYPE carillon_store_\(name) counter\n"
            text += "carillon_store_\(name) \(count)\n"
        }
        return text
    }
}
