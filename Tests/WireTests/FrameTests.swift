import Causality
import Storage
import Testing
import Wire

@Suite struct FrameTests {
    @Test func everyValidClientFrameSurvivesEncodingAndDecoding() throws {
        for vector in try Vectors.load("client-frames.json", as: [FrameVector].self) {
            let frame = try ClientFrame.decode(Array(vector.frame.utf8))
            if case .push(let push) = frame { #expect(!push.hasRejections, "\(vector.name): \(push.items)") }
            var bytes: [UInt8] = []
            frame.encode(into: &bytes)
            #expect(try ClientFrame.decode(bytes) == frame, "\(vector.name)")
        }
    }

    @Test func everyHubFrameIsWrittenAsItsVectorSays() throws {
        for vector in try Vectors.load("hub-frames.json", as: [FrameVector].self) {
            let frame = try HubFrame.decode(Array(vector.frame.utf8))
            var bytes: [UInt8] = []
            frame.encode(into: &bytes)
            // Fields may come in any order; ours is fixed, and a second reading must see the same frame.
            #expect(try HubFrame.decode(bytes) == frame, "\(vector.name)")
            #expect(bytes.count == vector.frame.utf8.count, "\(vector.name): \(text(bytes))")
        }
    }

    @Test func everyBadFrameGetsItsCode() throws {
        for vector in try Vectors.load("bad-frames.json", as: [BadFrameVector].self) {
            let error = #expect(throws: FrameError.self, "\(vector.name)") {
                try ClientFrame.decode(Array(vector.frame.utf8))
            }
            #expect(error?.code.rawValue == vector.error, "\(vector.name): \(error?.message ?? "")")
            #expect(error?.pushID == vector.id, "\(vector.name)")
        }
    }

    @Test func aBadItemIsRejectedWithItsIDAndItsNeighboursAreNot() throws {
        let good = #"{"kind":"note","id":"good","clock":{"a":1},"body":1}"#
        for vector in try Vectors.load("bad-items.json", as: [BadItemVector].self) {
            let frame = #"{"type":"push","id":"p","changes":["# + "\(good),\(vector.change),\(good)]}"
            guard case .push(let push) = try ClientFrame.decode(Array(frame.utf8)) else {
                Issue.record("\(vector.name) is no push")
                continue
            }
            #expect(push.items.count == 3)
            guard case .change = push.items[0], case .change = push.items[2], case .rejected(let told) = push.items[1]
            else {
                Issue.record("\(vector.name): \(push.items)")
                continue
            }
            #expect(told.error.rawValue == vector.error, "\(vector.name): \(told.message)")
            #expect(told.id == vector.id, "\(vector.name)")
            guard case .rejected = PushBody.decodeChange(line: Array(vector.change.utf8)) else {
                Issue.record("\(vector.name) passes as a line")
                continue
            }
        }
    }

    @Test func theClocksThatAChangeSupersedesAreFewTogether() throws {
        func verdict(clocks: Int, of entries: Int) throws -> PushItem {
            let clock = "{" + (0..<entries).map { #""r\#($0)":1"# }.joined(separator: ",") + "}"
            let list = Array(repeating: clock, count: clocks).joined(separator: ",")
            return PushBody.decodeChange(
                line: Array(#"{"kind":"note","id":"n","body":1,"supersedes":[\#(list)]}"#.utf8))
        }
        guard case .change(let change) = try verdict(clocks: 4, of: 1_000), change.supersedes.count == 4 else {
            Issue.record("4,000 entries are refused")
            return
        }
        guard case .rejected(let told) = try verdict(clocks: 65, of: 62) else {
            Issue.record("4,030 entries pass")
            return
        }
        #expect(told.error == .badClock && told.id == "n")
    }

    @Test func aClockOverTheLimitsIsToldAsABadClock() {
        let change = Change(kind: "note", id: "n", clock: VectorClock(), hash: "h", body: [])
        let putOff = PushedItem(
            change, ItemResult(decision: .overloaded, clock: change.clock, position: nil, stored: nil))
        #expect(putOff.verdict == .rejected && putOff.error == .overloaded && putOff.error?.isRetryable == true)
        let result = ItemResult(decision: .clockLimit, clock: change.clock, position: nil, stored: nil)
        let told = PushedItem(change, result)
        #expect(told.verdict == .rejected && told.error == .badClock && told.position == nil)
        #expect(told.message?.contains("1000 replicas") == true)
    }

    @Test func limitsOfTheFrameTheBodyAndThePushHold() throws {
        let line = #"{"kind":"note","id":"n","clock":{"a":1},"body":"12345678"}"#
        let frame = Array((#"{"type":"push","id":"p","changes":["# + "\(line),\(line)]}").utf8)
        let small = #expect(throws: FrameError.self) {
            try ClientFrame.decode(frame, limits: WireLimits(frameBytesMax: frame.count - 1))
        }
        #expect(small?.code == .tooLarge)
        let few = #expect(throws: FrameError.self) {
            try ClientFrame.decode(frame, limits: WireLimits(changesPerPushMax: 1))
        }
        #expect(few?.code == .tooManyItems)
        #expect(few?.pushID == "p")
        guard case .push(let push) = try ClientFrame.decode(frame, limits: WireLimits(bodyBytesMax: 9)),
            case .rejected(let told) = push.items[0]
        else {
            Issue.record("a body over the limit passes")
            return
        }
        #expect(told.error == .tooLarge)
    }

    @Test func aBodyIsKeptByteForByteAndNotCopied() throws {
        let body = "{ \"z\":1.0, \"a\" :\t[1e3,\"\\u00e9é\"]\n}"
        let frame = Array(
            #"{"type":"push","id":"p","changes":[{"body": \#(body) ,"kind":"k","id":"i","clock":{"a":1}}]}"#.utf8)
        guard case .push(let push) = try ClientFrame.decode(frame), case .change(let change) = push.items[0] else {
            Issue.record("no change")
            return
        }
        #expect(text(change.body) == body)
        #expect(change.body.startIndex > 0)
        let entry = LogEntry(position: Position(7), author: "d", change: change)
        var encoded: [UInt8] = []
        FrameEncoder.encodeEntry(entry, into: &encoded)
        #expect(text(encoded).contains(body))
        let hash = PushBody.defaultHash(of: change.body)
        #expect(change.hash.text == hash && hash.utf8.count == 64)
    }

    @Test func aDeletionWithoutABodyHasTheHashOfNoBytes() throws {
        let item = PushBody.decodeChange(line: Array(#"{"kind":"k","id":"i","clock":{"a":1},"deleted":true}"#.utf8))
        guard case .change(let change) = item else {
            Issue.record("rejected")
            return
        }
        #expect(change.hash == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(change.body.isEmpty && change.isDeleted)
    }

    @Test func composedFramesAreTheEncodedOnes() throws {
        var change = Change(kind: "k", id: "quote\"\\é", clock: VectorClock(), hash: "h", body: [0x31])
        change.clock = VectorClock([VectorClock.Entry(replica: "r", counter: 1 << 53)])
        change.embedding = [0.1, -3.4e38, .leastNonzeroMagnitude]
        change.visibility = .teamRead
        let entry = LogEntry(position: .max, author: "d", change: change, owner: "u_1")
        let after = Cursor(generation: Generation(1), space: "s", position: .start)
        let upTo = Cursor(generation: Generation(1), space: "s", position: .max)
        var pieces: [UInt8] = []
        FrameEncoder.changesPrefix(space: "own", after: after, upTo: upTo, into: &pieces)
        FrameEncoder.encodeEntry(entry, into: &pieces)
        FrameEncoder.changesSeparator(into: &pieces)
        FrameEncoder.encodeEntry(entry, into: &pieces)
        FrameEncoder.changesSuffix(into: &pieces)
        let whole = HubFrame.changes(Changes(space: "own", after: after, upTo: upTo, changes: [entry, entry]))
        #expect(try HubFrame.decode(pieces) == whole)
        var page: [UInt8] = []
        let pull = PullPage(changes: [entry], cursor: upTo, hasMore: true)
        pull.encode(into: &page)
        #expect(try PullPage.decode(page) == pull)
    }

    @Test func onlyReasonsThatSayMoreThanAfterAreTold() throws {
        let change = Change(
            kind: "k", id: "i", clock: VectorClock([.init(replica: "r", counter: 1)]), hash: "h", body: [0x31],
            visibility: .private)
        for reason in Reason.allCases {
            let entry = LogEntry(
                position: Position(7), author: "", change: change, reason: reason,
                detail: reason.isPlain ? "" : "why\u{1}")
            var page: [UInt8] = []
            let cursor = Cursor(generation: Generation(1), space: "s", position: .start)
            PullPage(changes: [entry], cursor: cursor, hasMore: false).encode(into: &page)
            #expect(text(page).contains("\"reason\":") != reason.isPlain)
            var read = entry
            if reason.isPlain { read.reason = .newer }
            #expect(try PullPage.decode(page).changes == [read])
        }
    }

    @Test func everyPrefixOfAFrameFailsCleanly() throws {
        for name in ["client-frames.json", "hub-frames.json"] {
            for vector in try Vectors.load(name, as: [FrameVector].self) {
                let bytes = Array(vector.frame.utf8)
                let last = bytes.lastIndex(of: UInt8(ascii: "}")) ?? 0
                for count in 0...last {
                    let prefix = Array(bytes[..<count])
                    #expect(throws: FrameError.self) { try ClientFrame.decode(prefix) }
                    #expect(throws: FrameError.self) { try HubFrame.decode(prefix) }
                }
            }
        }
    }

    @Test func mutatedFramesNeverTrap() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("mutatedFramesNeverTrap seed \(seed)")
        var random = SeededRandom(state: seed)
        let client = try Vectors.load("client-frames.json", as: [FrameVector].self)
        let hub = try Vectors.load("hub-frames.json", as: [FrameVector].self)
        let frames = (client + hub).map { Array($0.frame.utf8) }
        let telling = Array("{}[]\",:\\u0d8-e.\u{0}tfn ".utf8) + [0xff, 0xc3, 0xed]
        for _ in 0..<20_000 {
            var bytes = frames[Int.random(in: 0..<frames.count, using: &random)]
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = telling[Int.random(in: 0..<telling.count, using: &random)]
                case 1: bytes.remove(at: index)
                default: bytes.insert(telling[Int.random(in: 0..<telling.count, using: &random)], at: index)
                }
            }
            _ = try? ClientFrame.decode(bytes)
            _ = try? HubFrame.decode(bytes)
            _ = PushBody.decodeChange(line: bytes)
        }
    }

    @Test func problemsCarryTheCodeAndItsStatus() throws {
        for code in ErrorCode.allCases {
            var bytes: [UInt8] = []
            Problem(code: code, detail: "a \"quoted\"\ndetail", retryAfterMs: 5, id: "x").encode(into: &bytes)
            let range = try bytes.withUnsafeBytes { try JSONScanner.validate($0) }
            #expect(range == 0..<bytes.count)
            #expect(text(bytes).contains("\"status\":\(code.httpStatus)"))
            #expect((400..<600).contains(code.httpStatus))
            #expect(!code.isFatal || code.closeCode != nil)
            if let close = code.closeCode, code.isFatal {
                #expect(ErrorCode.mayReconnect(afterClose: close) == code.isRetryable, "\(code)")
            }
        }
    }
}

@Suite struct HubNumberTests {
    @Test(arguments: [(Int64.max, 3_600_000), (-5, 0), (1_001, 1_001)])
    func delaysOfAHubStayWithinAnHour(told: Int64, taken: Int) throws {
        let text = #"{"type":"bye","reason":"shutting_down","reconnect_after_ms":\#(min(told, 1 << 53))}"#
        guard case .bye(let bye) = try HubFrame.decode(Array(text.utf8)) else {
            Issue.record("not a bye")
            return
        }
        #expect(bye.reconnectAfterMs == taken)
    }
}
