internal import ArgumentParser
internal import Foundation
internal import Load

/// Who does what in a load, and for how long.
struct LoadShape: ParsableArguments {
    @Option(
        help: "Users, each with a space and a room of devices of its own. Default: as many as there are keys, or 1.")
    var users: Int?
    @Option(help: "Devices of each user.")
    var devices = 4
    @Option(help: "Of each user's devices, how many push.")
    var publishers = 1
    @Option(help: ArgumentHelp("Pushes a second of all together, whatever the hub does (open loop).", valueName: "n"))
    var rate: Double?
    @Option(help: "Without --rate: pushes of one publisher that wait for their answer (closed loop), 1 to 64.")
    var window = 1
    @Option(help: "Changes in a push.")
    var batch = 1
    @Option(help: ArgumentHelp("Bytes of a change's body.", valueName: "bytes"))
    var size = 128
    @Option(help: ArgumentHelp("Measured seconds.", valueName: "seconds"))
    var duration = 10.0
    @Option(help: ArgumentHelp("Pushes of all publishers together, in place of a duration.", valueName: "n"))
    var count: Int?
    @Option(help: ArgumentHelp("Seconds of load before those that are measured.", valueName: "seconds"))
    var warmup = 2.0
    @Option(help: ArgumentHelp("Devices a second that leave and come back with their cursor.", valueName: "n"))
    var churn = 0.0
    @Option(help: ArgumentHelp("Devices that read only a little, now and then.", valueName: "n"))
    var slow = 0
    @Option(help: "Event loops of the load.")
    var threads = 1
    @Option(help: "Records that each publisher updates in turn; 0: every change is a new record.")
    var records = 0
    @Flag(help: "Only hold the connections.")
    var idle = false
    @Option(help: ArgumentHelp("Connections begun a second. Default: as fast as they come.", valueName: "n"))
    var connectRate: Double?
    @Option(help: ArgumentHelp("Seconds in which --rate is reached.", valueName: "seconds"))
    var ramp = 0.0
    @Option(help: ArgumentHelp("Seconds of silence after which what has not come is lost.", valueName: "seconds"))
    var drain = 5.0
    @Flag(help: "Offer compressed messages (RFC 7692) on every connection.")
    var compress = false
    @Flag(help: "Send a hash with each change, so that the hub need not compute it.")
    var hash = false

    func check() throws {
        func need(_ isTrue: Bool, _ sentence: String) throws {
            if !isTrue { throw ValidationError(sentence) }
        }
        try need(users.map { (1...100_000).contains($0) } ?? true, "--users is a number from 1 to 100000.")
        try need((1...100_000).contains(devices), "--devices is a number from 1 to 100000.")
        try need((1...devices).contains(publishers), "--publishers is a number from 1 to --devices.")
        try need(rate.map { $0 > 0 && $0 <= 10_000_000 } ?? true, "--rate is a number over 0.")
        try need((1...64).contains(window), "--window is a number from 1 to 64.")
        try need((1...10_000).contains(batch), "--batch is a number from 1 to 10000.")
        try need(
            (LoadPlan.bodyBytesMin...4 << 20).contains(size), "--size is from \(LoadPlan.bodyBytesMin) to 4194304.")
        try need(batch * (size + 512) <= 16 << 20, "--batch x --size is more than a frame of 16 MiB holds.")
        try need(duration > 0 && duration <= 86_400, "--duration is a number of seconds over 0.")
        try need(count.map { $0 > 0 } ?? true, "--count is a number over 0.")
        try need(warmup >= 0 && ramp >= 0 && drain > 0, "--warmup, --ramp and --drain are numbers of seconds.")
        try need(churn >= 0 && churn <= 100_000, "--churn is a number from 0 to 100000.")
        try need((0...1_000_000).contains(slow), "--slow is a number of devices.")
        try need((1...64).contains(threads), "--threads is a number from 1 to 64.")
        try need((0...1_000_000).contains(records), "--records is a number from 0 to 1000000.")
        try need(connectRate.map { $0 > 0 } ?? true, "--connect-rate is a number over 0.")
    }

    func fill(_ plan: inout LoadPlan) {
        plan.devicesPerUser = devices
        plan.publishersPerUser = publishers
        plan.pushesPerSecond = rate
        plan.window = window
        plan.changesPerPush = batch
        plan.bodyBytes = size
        plan.measuredSeconds = duration
        plan.pushCount = count
        plan.warmupSeconds = warmup
        plan.churnPerSecond = churn
        plan.slowReaders = slow
        plan.threads = threads
        plan.recordsPerPublisher = records
        plan.isIdle = idle
        plan.connectsPerSecond = connectRate
        plan.rampSeconds = ramp
        plan.drainSeconds = drain
        plan.sendsHash = hash
        plan.compresses = compress
    }
}
