internal import Causality
internal import Storage
internal import WebSocket
internal import Wire

/// Frames in and out, as the hub does it for each push.
extension Benchmark {
    static var codec: [Benchmark] {
        [
            decodePush(changes: 100, bodyBytes: 1_024, hasHash: true),
            decodePush(changes: 100, bodyBytes: 1_024, hasHash: false),
            decodeOnePush, decodeEmbeddings, encodeEmbedding,
            encodeEntry(bodyBytes: 128), encodeEntry(bodyBytes: 1_024),
            broadcast(entries: 1, bodyBytes: 128), broadcast(entries: 100, bodyBytes: 1_024),
        ]
    }

    /// Validates, slices and checks; without a hash it computes SHA-256 of each body too.
    private static func decodePush(changes: Int, bodyBytes: Int, hasHash: Bool) -> Benchmark {
        let frame = Material.pushFrame(changes: changes, bodyBytes: bodyBytes, hasHash: hasHash)
        let name = "codec/decode-push-\(changes)x1k" + (hasHash ? "" : "-no-hash")
        return Benchmark(name, .gigabytes, amount: frame.count) {
            { operations in
                var sum = 0
                for _ in 0..<operations {
                    guard case .push(let push) = try ClientFrame.decode(frame) else { continue }
                    sum &+= push.items.count
                }
                return sum
            }
        }
    }

    private static var decodeOnePush: Benchmark {
        let frame = Material.pushFrame(changes: 1, bodyBytes: 128, hasHash: true)
        return Benchmark("codec/decode-push-1x128", .nanoseconds) {
            { operations in
                var sum = 0
                for _ in 0..<operations {
                    guard case .push(let push) = try ClientFrame.decode(frame) else { continue }
                    sum &+= push.items.count
                }
                return sum
            }
        }
    }

    /// Nine tenths of the bytes are numbers: what a record with one costs whole.
    private static var decodeEmbeddings: Benchmark {
        let frame = Material.embeddingFrame(changes: 10, bodyBytes: 1_024)
        return Benchmark("codec/decode-push-10x384-floats", .gigabytes, amount: frame.count) {
            { operations in
                var sum = 0
                for _ in 0..<operations {
                    guard case .push(let push) = try ClientFrame.decode(frame) else { continue }
                    sum &+= push.items.count
                }
                return sum
            }
        }
    }

    private static var encodeEmbedding: Benchmark {
        Benchmark("codec/encode-entry-384-floats", .nanoseconds) {
            let entries = (0..<16).map { number in
                var entry = Material.entry(number, bodyBytes: 1_024)
                entry.change.embedding = Material.embedding(seed: number)
                return entry
            }
            var bytes: [UInt8] = []
            return { operations in
                var sum = 0
                for index in 0..<operations {
                    bytes.removeAll(keepingCapacity: true)
                    FrameEncoder.encodeEntry(entries[index & 15], into: &bytes)
                    sum &+= bytes.count
                }
                return sum
            }
        }
    }

    private static func encodeEntry(bodyBytes: Int) -> Benchmark {
        Benchmark("codec/encode-entry-\(bodyBytes)", .nanoseconds) {
            let entries = (0..<16).map { Material.entry($0, bodyBytes: bodyBytes) }
            var bytes: [UInt8] = []
            return { operations in
                var sum = 0
                for index in 0..<operations {
                    bytes.removeAll(keepingCapacity: true)
                    FrameEncoder.encodeEntry(entries[index & 15], into: &bytes)
                    sum &+= bytes.count
                }
                return sum
            }
        }
    }

    /// What a commit costs before its bytes are shared: each entry encoded, one frame around them, a WebSocket header.
    private static func broadcast(entries count: Int, bodyBytes: Int) -> Benchmark {
        Benchmark("codec/broadcast-\(count)x\(bodyBytes)", .gigabytes, amount: count * bodyBytes) {
            let entries = (0..<count).map { Material.entry($0, bodyBytes: bodyBytes) }
            let cursor = Cursor(
                generation: Generation(42), spaceTag: Cursor.spaceTag(of: Material.space),
                position: entries[0].position)
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    var payload: [UInt8] = []
                    payload.reserveCapacity(count * (bodyBytes + 384))
                    FrameEncoder.changesPrefix(space: "own", after: cursor, upTo: cursor, into: &payload)
                    for (index, entry) in entries.enumerated() {
                        if index > 0 { FrameEncoder.changesSeparator(into: &payload) }
                        FrameEncoder.encodeEntry(entry, into: &payload)
                    }
                    FrameEncoder.changesSuffix(into: &payload)
                    sum &+= FrameWriter.serverTextFrame(payload).count
                }
                return sum
            }
        }
    }
}
