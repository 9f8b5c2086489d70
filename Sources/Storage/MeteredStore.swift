/// A store that counts: commits, retries, waits.
public protocol MeteredStore: Store {
    /// Its counters in Prometheus' text format, every name beginning with `carillon_`. Read from memory: it is asked
    /// when the store is away, too.
    var metricsText: String { get }
}
