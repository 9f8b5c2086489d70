internal import HTTP
internal import WebSocket

/// HTTP requests and WebSocket frames.
extension Benchmark {
    static var network: [Benchmark] { [request, readFrames(bytes: 128), readFrames(bytes: 4_096), writeFrame] }

    private static var request: Benchmark {
        let text = """
            GET /v1/pull?cursor=c1.0123456789abcdef.01234567.65c0d7d8a4000.89abcdef&limit=100 HTTP/1.1\r
            Host: 127.0.0.1:8787\r
            Authorization: Bearer car_0123456789_0123456789abcdef0123456789abcdef\r
            User-Agent: bench/1\r
            Accept: application/json\r
            \r

            """
        let bytes = Array(text.utf8)
        return Benchmark("http/parse-request", .nanoseconds) {
            { operations in
                try bytes.withUnsafeBytes { bytes in
                    var parser = RequestParser()
                    var sum = 0
                    for _ in 0..<operations {
                        parser.receive(bytes)
                        while let event = try parser.next() {
                            if case .head(let head) = event { sum &+= head.path.utf8.count }
                        }
                    }
                    return sum
                }
            }
        }
    }

    /// A hundred masked messages in one buffer, as a busy socket gives them; the time is of one.
    private static func readFrames(bytes count: Int) -> Benchmark {
        let frames = 100
        return Benchmark("websocket/read-\(count)", .rows, amount: frames) {
            var wire: [UInt8] = []
            var client = WebSocketMachine(role: .client, maskSeed: 1)
            for number in 0..<frames {
                client.appendMessage(.text, Material.body(count, seed: number), into: &wire)
            }
            let masked = wire
            return { operations in
                // Unmasking is done in place, so each turn begins with a copy.
                var buffer = masked
                var server = WebSocketMachine(role: .server)
                var sum = 0
                for _ in 0..<operations {
                    buffer.withUnsafeMutableBytes { bytes in
                        bytes.copyBytes(from: masked)
                        server.receive(bytes)
                        while let event = server.next() {
                            if case .text(let payload) = event { sum &+= payload.count &+ Int(payload[0]) }
                        }
                    }
                }
                return sum
            }
        }
    }

    private static var writeFrame: Benchmark {
        Benchmark("websocket/write-128", .nanoseconds) {
            let payloads = (0..<16).map { Material.body(128, seed: $0) }
            var bytes: [UInt8] = []
            return { operations in
                var sum = 0
                for index in 0..<operations {
                    bytes.removeAll(keepingCapacity: true)
                    FrameWriter.append(opcode: .text, payload: payloads[index & 15], into: &bytes)
                    sum &+= bytes.count
                }
                return sum
            }
        }
    }
}
