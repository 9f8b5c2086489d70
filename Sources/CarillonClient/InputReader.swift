public import Dispatch
public import Reactor

/// Reads NDJSON on a thread of its own and posts it in batches, never more than a few ahead of the link.
public struct InputReader: Sendable {
    /// Inputs that wait for the link: enough that it never starves, little beside what is in flight.
    public static let aheadMax = 4
    /// Bytes of lines in one push. 1 MiB: large enough to hide the round trip, and 16 of them are the flight's bound.
    public static let batchBytes = 1 << 20

    public let descriptor: Int32
    public let linesMax: Int
    /// Everything is one input: for an atomic push. Past `linesMax` or `wholeBytesMax` it fails.
    public let isWhole: Bool
    /// Frames have 16 MiB; encoded changes are somewhat larger than their lines.
    public static let wholeBytesMax = 12 << 20

    /// Signalled by whoever takes an input.
    public let room: DispatchSemaphore

    /// Asked for the version that each line is an edit of; nil: of none.
    private let held: HeldVersions?

    public init(descriptor: Int32, linesMax: Int, isWhole: Bool = false, held: HeldVersions? = nil) {
        self.held = held
        self.descriptor = descriptor
        self.linesMax = linesMax
        self.isWhole = isWhole
        // Dispatch traps when a semaphore ends below the value it was made with; a run that is cut short ends so.
        room = DispatchSemaphore(value: 0)
        for _ in 0..<InputReader.aheadMax { room.signal() }
    }

    /// Reads to the end. Blocks: for a thread of its own.
    public func run(into link: LoopAddress<HubLink.Mail>) {
        var reader = LineReader(descriptor: descriptor)
        var batch: [PushInput.Line] = []
        var bytes = 0
        var number = 0
        func post() {
            guard !batch.isEmpty else { return }
            room.wait()
            link.post(.note(PushNote.input(PushInput(lines: batch, bytesTaken: reader.bytesTaken))))
            (batch, bytes) = ([], 0)
        }
        do throws(LineReader.Failure) {
            while let line = try reader.next() {
                number += 1
                let count = InputReader.size(line)
                if count == 0 { continue }
                if isWhole, batch.count == linesMax || bytes + count > InputReader.wholeBytesMax {
                    link.post(
                        .note(
                            PushNote.failed(
                                "an atomic push has \(linesMax) lines and \(InputReader.wholeBytesMax >> 20) MiB at most"
                            )))
                    return
                }
                if !isWhole, bytes + count > InputReader.batchBytes { post() }
                var next = PushInput.Line(number: number, text: line)
                if let held, case .text(let text) = line {
                    do throws(ClientError) {
                        next.base = try held.clock(for: text)
                    } catch {
                        if !isWhole { post() }
                        link.post(.note(PushNote.refused(error)))
                        return
                    }
                }
                batch.append(next)
                bytes += count
                // What is typed, or told by a program now and then, does not wait for more.
                if !isWhole, batch.count >= linesMax || reader.mustWait { post() }
            }
        } catch {
            // Half of an atomic input is none.
            if !isWhole { post() }
            link.post(.note(PushNote.failed(error.sentence)))
            return
        }
        post()
        link.post(.note(PushNote.ended))
    }

    /// 0 for a line of white space, which is none.
    private static func size(_ line: LineReader.Line) -> Int {
        switch line {
        case .tooLong: 1
        case .text(let bytes):
            bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d } ? 0 : bytes.count
        }
    }
}
