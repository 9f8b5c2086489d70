internal import Causality
internal import Hub
internal import Storage

/// `POST /api/sync/diff`: what the device lacks, what is deleted, and what the hub lacks. Compared by names and hashes;
/// only what is to be sent is read.
struct Diff {
    let caller: Caller
    let reach: Reach
    let search: RecordSearch
    let manifest: Manifest
    private let device: Device
    private let delivered: Delivered?
    let namespaces: Set<Identifier>

    init(_ manifest: Manifest, _ caller: Caller) throws {
        self.caller = caller
        self.manifest = manifest
        namespaces = try manifest.fields.namespaces()
        (device, delivered, reach) = try caller.arrive()
        search = RecordSearch(reach: reach, desk: caller.desk)
    }

    func answer() throws -> DialectAnswer {
        let kept = delivered ?? Delivered()
        let scope = Caller.scope(of: namespaces)
        let standing = try ManifestDeletions(diff: self, device: device).commit()
        // Before the comparison: what is written meanwhile comes with the next pull, at worst twice.
        let heads = try reach.heads(caller.desk)
        var comparison = Comparison(diff: self, refusedDeletions: standing, told: kept.highest(scope: scope)?.places)
        try comparison.compare()
        var delivered = kept
        let newest = heads.values.max() ?? .start
        let number = delivered.add(heads, number: newest.microseconds, scope: scope)
        if delivered.answers != kept.answers { try caller.keep(delivered) }
        return DialectAnswer(json: try DiffAnswer(diff: self, comparison: comparison).write(number))
    }
}
