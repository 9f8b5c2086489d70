internal import Cryptography
internal import WebSocket
internal import Wire

/// What is done to every byte.
extension Benchmark {
    static var bytes: [Benchmark] {
        [
            scan, walk, readFloats, writeFloats, mask(bytes: 128), mask(bytes: 65_536),
            utf8("ascii", Array(repeating: UInt8(ascii: "a"), count: 65_536)),
            utf8("mixed", Array(String(repeating: "bells über café 鐘 ", count: 3_000).utf8)),
            deflate, inflate, sha256(bytes: 128), sha256(bytes: 1_024),
        ]
    }

    /// The whole frame is checked to be JSON and UTF-8.
    private static var scan: Benchmark {
        let frame = Material.pushFrame(changes: 100, bodyBytes: 1_024, hasHash: true)
        return Benchmark("json/validate-100x1k", .gigabytes, amount: frame.count) {
            { operations in
                try frame.withUnsafeBytes { bytes in
                    var sum = 0
                    for _ in 0..<operations { sum &+= try JSONScanner.validate(bytes).upperBound }
                    return sum
                }
            }
        }
    }

    /// The same, and each change's fields are found: names and the places of their values.
    private static var walk: Benchmark {
        let frame = Material.pushFrame(changes: 100, bodyBytes: 1_024, hasHash: true)
        let start = (frame.firstIndex(of: UInt8(ascii: "[")) ?? 0) + 1
        let changes = Array(frame[start...].dropLast(2))
        return Benchmark("json/slice-100x1k", .gigabytes, amount: changes.count) {
            { operations in
                try changes.withUnsafeBytes { bytes in
                    var sum = 0
                    for _ in 0..<operations {
                        var scanner = JSONScanner(bytes)
                        repeat {
                            try scanner.expect(UInt8(ascii: "{"))
                            repeat {
                                sum &+= try scanner.fieldName().count
                                sum &+= try scanner.value().lowerBound
                            } while scanner.consume(UInt8(ascii: ","))
                            try scanner.expect(UInt8(ascii: "}"))
                        } while scanner.consume(UInt8(ascii: ","))
                        try scanner.finish()
                    }
                    return sum
                }
            }
        }
    }

    /// 384 numbers of about 20 digits.
    private static var readFloats: Benchmark {
        let text = Material.embeddingText(seed: 1)
        return Benchmark("json/read-384-floats", .gigabytes, amount: text.count) {
            { operations in
                text.withUnsafeBytes { bytes in
                    var sum = 0
                    for _ in 0..<operations { sum &+= FloatList.read(bytes, countMax: 8_192)?.count ?? 0 }
                    return sum
                }
            }
        }
    }

    private static var writeFloats: Benchmark {
        Benchmark("json/write-384-floats", .nanoseconds) {
            let numbers = Material.embedding(seed: 1)
            var bytes: [UInt8] = []
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    bytes.removeAll(keepingCapacity: true)
                    FloatList.write(numbers, into: &bytes)
                    sum &+= bytes.count
                }
                return sum
            }
        }
    }

    private static func mask(bytes count: Int) -> Benchmark {
        Benchmark("websocket/mask-\(count)", .gigabytes, amount: count) {
            var payload = Material.body(count, seed: 1)
            return { operations in
                payload.withUnsafeMutableBytes { bytes in
                    for index in 0..<operations {
                        Mask.apply(key: 0x1234_5678 &+ UInt32(truncatingIfNeeded: index), to: bytes)
                    }
                    return Int(bytes[bytes.count / 2])
                }
            }
        }
    }

    private static func utf8(_ name: String, _ text: [UInt8]) -> Benchmark {
        Benchmark("websocket/utf8-\(name)", .gigabytes, amount: text.count) {
            { operations in
                text.withUnsafeBytes { bytes in
                    var sum = 0
                    for _ in 0..<operations {
                        var validator = UTF8Validator()
                        if validator.accept(bytes), validator.isComplete { sum &+= 1 }
                    }
                    return sum
                }
            }
        }
    }

    /// What a broadcast of ten changes costs, once for each window.
    private static var deflate: Benchmark {
        Benchmark("websocket/deflate-message", .nanoseconds) {
            let frame = Material.pushFrame(changes: 10, bodyBytes: 256, hasHash: false)
            let shared = SharedDeflate()
            var bytes: [UInt8] = []
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    bytes.removeAll(keepingCapacity: true)
                    FrameWriter.appendServerText(frame, windowBits: 15, by: shared, into: &bytes)
                    sum &+= bytes.count
                }
                return sum
            }
        }
    }

    /// The same message as it comes to a device.
    private static var inflate: Benchmark {
        Benchmark("websocket/inflate-message", .nanoseconds) {
            let shared = SharedDeflate()
            var bytes: [UInt8] = []
            FrameWriter.appendServerText(
                Material.pushFrame(changes: 10, bodyBytes: 256, hasHash: false), windowBits: 15, by: shared,
                into: &bytes)
            let machine = DeflatedReader(shared)
            return { operations in
                var sum = 0
                for _ in 0..<operations { sum &+= machine.read(&bytes) }
                return sum
            }
        }
    }

    private static func sha256(bytes count: Int) -> Benchmark {
        Benchmark("hash/sha256-\(count)", .gigabytes, amount: count) {
            var payload = Material.body(count, seed: 1)
            return { operations in
                for _ in 0..<operations { payload[0] = Digest.sha256(payload)[0] }
                return Int(payload[0])
            }
        }
    }
}

/// A device's end of a compressed socket.
private final class DeflatedReader {
    private var machine: WebSocketMachine

    init(_ shared: SharedDeflate) {
        machine = WebSocketMachine(role: .client, deflate: PerMessageDeflate(), shared: shared)
    }

    /// Bytes of the messages in `bytes`; a server's frames are not masked, so they stay as they are.
    func read(_ bytes: inout [UInt8]) -> Int {
        bytes.withUnsafeMutableBytes {
            machine.receive($0)
            var count = 0
            while let event = machine.next() {
                if case .text(let payload) = event { count += payload.count }
            }
            return count
        }
    }
}
