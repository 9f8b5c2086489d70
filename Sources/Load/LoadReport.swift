internal import Histogram

/// What a run has found. Its JSON form is this, key for key.
public struct LoadReport: Sendable, Codable {
    /// What was run.
    public struct Setting: Sendable, Codable {
        public var mode = ""
        public var users = 0
        public var devices = 0
        public var publishers = 0
        public var changesPerPush = 0
        public var bodyBytes = 0
        public var window: Int?
        public var pushesPerSecondWanted: Double?
        public var records = 0
        public var churnPerSecond = 0.0
        public var slowReaders = 0
        public var threads = 0
        public var warmupSeconds = 0.0

        enum CodingKeys: String, CodingKey {
            case mode, users, devices, publishers
            case changesPerPush = "changes_per_push"
            case bodyBytes = "body_bytes"
            case window
            case pushesPerSecondWanted = "pushes_per_second_wanted"
            case records
            case churnPerSecond = "churn_per_second"
            case slowReaders = "slow_readers"
            case threads
            case warmupSeconds = "warmup_seconds"
        }
    }

    /// Connections.
    public struct Connecting: Sendable, Codable {
        public var connected = 0
        public var failed = 0
        /// From the first connect to the last subscription that was live.
        public var seconds = 0.0
        public var lostConnections = 0
        public var churned = 0
        /// From connect to live, milliseconds.
        public var milliseconds: Latency?
        /// The same of those that came back with a cursor.
        public var againMilliseconds: Latency?

        enum CodingKeys: String, CodingKey {
            case connected, failed, seconds
            case lostConnections = "lost_connections"
            case churned, milliseconds
            case againMilliseconds = "again_milliseconds"
        }
    }

    /// A distribution, in milliseconds.
    public struct Latency: Sendable, Codable, Equatable {
        public var count = 0
        public var p50 = 0.0
        public var p90 = 0.0
        public var p99 = 0.0
        public var p999 = 0.0
        public var max = 0.0
        public var mean = 0.0
        /// Percentile and milliseconds, for a curve.
        public var curve: [[Double]] = []

        init?(_ nanoseconds: Histogram<UInt64>) {
            guard nanoseconds.totalCount > 0 else { return nil }
            func milliseconds(_ percentile: Double) -> Double {
                (Double(nanoseconds.valueAtPercentile(percentile)) / 1e6).rounded(toPlaces: 4)
            }
            count = Int(nanoseconds.totalCount)
            p50 = milliseconds(50)
            p90 = milliseconds(90)
            p99 = milliseconds(99)
            p999 = milliseconds(99.9)
            max = (Double(nanoseconds.max) / 1e6).rounded(toPlaces: 4)
            mean = (nanoseconds.mean / 1e6).rounded(toPlaces: 4)
            for step in nanoseconds.percentiles(ticksPerHalfDistance: 5) {
                curve.append([step.percentile, (Double(step.value) / 1e6).rounded(toPlaces: 4)])
            }
        }
    }

    /// The hub's process over the measured seconds.
    public struct Hub: Sendable, Codable {
        public var pid: Int32 = 0
        public var userSeconds = 0.0
        public var systemSeconds = 0.0
        public var deliveriesPerCPUSecond: Double?
        public var changesPerCPUSecond: Double?
        public var residentBytes = 0
        public var residentBytesPerConnection: Double?

        enum CodingKeys: String, CodingKey {
            case pid
            case userSeconds = "user_seconds"
            case systemSeconds = "system_seconds"
            case deliveriesPerCPUSecond = "deliveries_per_cpu_second"
            case changesPerCPUSecond = "changes_per_cpu_second"
            case residentBytes = "resident_bytes"
            case residentBytesPerConnection = "resident_bytes_per_connection"
        }
    }

    /// The run's course, one entry for each step.
    public struct Step: Sendable, Codable {
        /// Since the load began; negative while warming up.
        public var second: Double
        public var changesPerSecond: Double
        public var deliveriesPerSecond: Double

        enum CodingKeys: String, CodingKey {
            case second
            case changesPerSecond = "changes_per_second"
            case deliveriesPerSecond = "deliveries_per_second"
        }
    }

    public var setting = Setting()
    public var connecting = Connecting()
    public var seconds = 0.0
    public var pushes = 0
    public var changes = 0
    public var deliveries = 0
    public var deliveryFrames = 0
    public var pushesPerSecond = 0.0
    public var changesPerSecond = 0.0
    public var deliveriesPerSecond = 0.0
    public var pushesResent = 0
    public var pushesOwed = 0
    public var superseded = 0
    public var pushToCommit: Latency?
    public var pushToDelivery: Latency?
    public var faults = LoadFaults()
    public var hub: Hub?
    /// CPU seconds of the load itself, over the same time as the hub's.
    public var loadCPUSeconds = 0.0
    public var course: [Step] = []
    /// The last thing that went wrong, in words.
    public var trouble: String?

    /// Nothing was lost, doubled or out of order, and somebody was connected.
    public var isClean: Bool { faults.isClean && connecting.connected > 0 && connecting.failed == 0 }

    public init() {}

    enum CodingKeys: String, CodingKey {
        case setting, connecting, seconds, pushes, changes, deliveries
        case deliveryFrames = "delivery_frames"
        case pushesPerSecond = "pushes_per_second"
        case changesPerSecond = "changes_per_second"
        case deliveriesPerSecond = "deliveries_per_second"
        case pushesResent = "pushes_resent"
        case pushesOwed = "pushes_owed"
        case superseded
        case pushToCommit = "push_to_commit_ms"
        case pushToDelivery = "push_to_delivery_ms"
        case faults, hub
        case loadCPUSeconds = "load_cpu_seconds"
        case course, trouble
    }
}

extension Double {
    func rounded(toPlaces places: Int) -> Double {
        var factor = 1.0
        for _ in 0..<places { factor *= 10 }
        return (self * factor).rounded() / factor
    }
}
