internal import Causality
internal import Cryptography
internal import Storage
internal import Wire

/// What the benchmarks work on: made once, of one shape, the same in every run.
enum Material {
    static let space: Identifier = "u_bench"
    static let device: Identifier = "laptop"
    static let replica: Identifier = "laptop.1"

    /// A note of `count` bytes with what notes have: words, an escape, a number, a few characters that are not ASCII.
    static func body(_ count: Int, seed: Int) -> [UInt8] {
        let words = ["bell", "tower", "ring", "morning", "grün", "harbour", "café", "time", "copper", "eighty"]
        var bytes = Array("{\"title\":\"Note \(seed)\",\"tags\":[\"a\",\"b\"],\"rank\":\(seed % 97),\"text\":\"".utf8)
        var turn = seed
        while bytes.count < count - 16 {
            bytes += Array(words[turn % words.count].utf8)
            bytes += turn % 13 == 0 ? Array("\\n".utf8) : [UInt8(ascii: " ")]
            turn = (turn &* 1_103_515_245 &+ 12_345) & 0x7fff_ffff
        }
        while bytes.count < count - 2 { bytes.append(UInt8(ascii: ".")) }
        return bytes + Array("\"}".utf8)
    }

    static func clock(_ entries: Int, counter: Int64 = 7, from first: Int = 0) -> VectorClock {
        VectorClock(
            (first..<first + entries).map {
                VectorClock.Entry(replica: Identifier(unchecked: "device-\($0).1"), counter: counter)
            })
    }

    static func change(_ number: Int, bodyBytes: Int, clock: VectorClock? = nil) -> Change {
        let body = body(bodyBytes, seed: number)
        return Change(
            kind: "note", id: Identifier(unchecked: "note-\(number)"),
            clock: clock ?? VectorClock([VectorClock.Entry(replica: replica, counter: 1)]),
            hash: Identifier(unchecked: Digest.hex(Digest.sha256(body))), body: body[...],
            updatedAt: 1_790_000_000_000_000, schemaVersion: 1)
    }

    /// 384 numbers as Python writes the doubles that it makes of floats.
    static func embedding(seed: Int) -> [Float] {
        var state = UInt64(seed) &+ 0x9e37_79b9
        return (0..<384).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(1 << 34)
        }
    }

    static func embeddingText(seed: Int) -> [UInt8] {
        Array("[\(embedding(seed: seed).map { Double($0).description }.joined(separator: ","))]".utf8)
    }

    /// A push frame of changes with embeddings, as ``pushFrame(changes:bodyBytes:hasHash:)``.
    static func embeddingFrame(changes: Int, bodyBytes: Int) -> [UInt8] {
        var frame = Array("{\"type\":\"push\",\"id\":\"1\",\"changes\":[".utf8)
        for number in 0..<changes {
            if number > 0 { frame.append(UInt8(ascii: ",")) }
            frame += Array("{\"kind\":\"memory\",\"id\":\"m-\(number)\",\"clock\":{\"laptop.1\":1}".utf8)
            frame += Array(",\"hash\":\"content-\(number)\",\"embedding\":".utf8) + embeddingText(seed: number)
            frame += Array(",\"body\":".utf8) + body(bodyBytes, seed: number) + [UInt8(ascii: "}")]
        }
        return frame + Array("]}".utf8)
    }

    /// A push frame as a device sends it.
    static func pushFrame(changes: Int, bodyBytes: Int, hasHash: Bool) -> [UInt8] {
        var frame = Array("{\"type\":\"push\",\"id\":\"1\",\"changes\":[".utf8)
        for number in 0..<changes {
            if number > 0 { frame.append(UInt8(ascii: ",")) }
            frame += Array("{\"kind\":\"note\",\"id\":\"note-\(number)\",\"clock\":{\"laptop.1\":\(number + 1)}".utf8)
            if hasHash { frame += Array(",\"hash\":\"content-\(number)\"".utf8) }
            frame += Array(",\"updated_at\":1790000000000000,\"body\":".utf8)
            frame += body(bodyBytes, seed: number) + [UInt8(ascii: "}")]
        }
        return frame + Array("]}".utf8)
    }

    static func entry(_ number: Int, bodyBytes: Int) -> LogEntry {
        LogEntry(
            position: Position(1_790_000_000_000_000 + Int64(number)), author: device,
            change: change(number, bodyBytes: bodyBytes))
    }
}
