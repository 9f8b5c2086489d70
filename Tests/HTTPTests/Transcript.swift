import HTTP
import HTTPTypes
import Testing

/// What a parser said, with neighbouring body runs joined: how the bytes came must not show.
enum Transcript: Equatable {
    case head(String)
    case expectContinue
    case body([UInt8])
    case end
    case failed(HTTPError)

    static func append(body: UnsafeRawBufferPointer, to events: inout [Transcript]) {
        if case .body(let before) = events.last {
            events[events.count - 1] = .body(before + body)
        } else {
            events.append(.body(Array(body)))
        }
    }

    /// Feeds requests in pieces of `step` octets, each in memory of its own that is poisoned afterwards.
    static func requests(_ bytes: [UInt8], step: Int, limits: HTTPLimits = HTTPLimits()) -> [Transcript] {
        var parser = RequestParser(limits: limits)
        var events: [Transcript] = []
        for piece in pieces(bytes, step) {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
            defer { memory.deallocate() }
            memory.copyBytes(from: piece)
            parser.receive(UnsafeRawBufferPointer(memory))
            do throws(HTTPError) {
                while let event = try parser.next() {
                    switch event {
                    case .head(let head): events.append(.head(describe(head)))
                    case .expectContinue: events.append(.expectContinue)
                    case .body(let run): append(body: run, to: &events)
                    case .end: events.append(.end)
                    }
                }
            } catch {
                return events + [.failed(error)]
            }
            memory.initializeMemory(as: UInt8.self, repeating: 0xEE)
        }
        return events
    }

    static func responses(
        _ bytes: [UInt8], step: Int, method: HTTPRequest.Method = .get, closes: Bool = false
    ) -> [Transcript] {
        var parser = ResponseParser(requestMethod: method)
        var events: [Transcript] = []
        func drain(_ parser: inout ResponseParser) throws(HTTPError) {
            while let event = try parser.next() {
                switch event {
                case .head(let head): events.append(.head("\(head.status) \(head.keepAlive)"))
                case .body(let run): append(body: run, to: &events)
                case .end: events.append(.end)
                }
            }
        }
        do throws(HTTPError) {
            for piece in pieces(bytes, step) {
                let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
                defer { memory.deallocate() }
                memory.copyBytes(from: piece)
                parser.receive(UnsafeRawBufferPointer(memory))
                try drain(&parser)
            }
            if closes {
                parser.receive(UnsafeRawBufferPointer(start: nil, count: 0))
                try parser.finish()
                try drain(&parser)
            }
        } catch {
            return events + [.failed(error)]
        }
        return events
    }

    private static func describe(_ head: RequestHead) -> String {
        let fields = head.request.headerFields.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
        return "\(head.request.method) \(head.path) ?\(head.query ?? "-") @\(head.request.authority ?? "-") "
            + "\(head.keepAlive) \(head.isHTTP10) \(fields)"
    }

    private static func pieces(_ bytes: [UInt8], _ step: Int) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: bytes.count, by: step).map { bytes[$0..<min($0 + step, bytes.count)] }
    }
}

/// The verifier: the same events byte by byte, in threes, in sevens and at once.
@discardableResult
func verified(
    _ text: String, limits: HTTPLimits = HTTPLimits(), sourceLocation: SourceLocation = #_sourceLocation
) -> [Transcript] {
    verified(Array(text.utf8), limits: limits, sourceLocation: sourceLocation)
}

@discardableResult
func verified(
    _ bytes: [UInt8], limits: HTTPLimits = HTTPLimits(), sourceLocation: SourceLocation = #_sourceLocation
) -> [Transcript] {
    let whole = Transcript.requests(bytes, step: max(1, bytes.count), limits: limits)
    for step in [1, 3, 7] {
        #expect(Transcript.requests(bytes, step: step, limits: limits) == whole, sourceLocation: sourceLocation)
    }
    return whole
}

/// SplitMix64, so that a failure is found again by its seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
