public import Dispatch
internal import Glibc
public import Reactor

/// Reads an export on a thread of its own and posts it in batches: first the heads, then, when all of these have their
/// verdict, the siblings.
///
/// In this order, because the first of two concurrent versions becomes the head. Siblings wait in a file without a name,
/// for there may be many.
public final class ImportReader: Sendable {
    /// What was found in the input.
    public struct Found: Sendable {
        /// Lines that are siblings, from 1.
        public var siblingLines: Set<Int> = []
        public var headCount = 0
        /// Nil where the input has no last line of an export: it may be cut off, or be no export.
        public var closing: ExportStream.Closing?
    }

    /// Signalled by whoever takes an input.
    public let room: DispatchSemaphore
    private let descriptor: Int32
    private let linesMax: Int
    private let found = Guarded(Found())
    private let answered = Guarded(0)
    private let headsAnswered = DispatchSemaphore(value: 0)

    public init(descriptor: Int32, linesMax: Int) {
        self.descriptor = descriptor
        self.linesMax = linesMax
        room = DispatchSemaphore(value: 0)
        for _ in 0..<InputReader.aheadMax { room.signal() }
    }

    public var state: Found { found.withLock { $0 } }

    /// Tells how many lines have their verdict.
    public func settled(_ count: Int) {
        answered.withLock { $0 = count }
        headsAnswered.signal()
    }

    /// Reads to the end. Blocks: for a thread of its own.
    public func run(into link: LoopAddress<HubLink.Mail>) {
        do throws(LineReader.Failure) {
            let spool = try readHeads(into: link)
            defer { close(spool) }
            while answered.withLock({ $0 }) < state.headCount { headsAnswered.wait() }
            if !state.siblingLines.isEmpty { try readSiblings(spool, into: link) }
            link.post(.note(PushNote.ended))
        } catch {
            link.post(.note(PushNote.failed(error.sentence)))
        }
    }

    private func readHeads(into link: LoopAddress<HubLink.Mail>) throws(LineReader.Failure) -> Int32 {
        let spool = try ImportReader.namelessFile()
        var reader = LineReader(descriptor: descriptor)
        var batch = Batch(linesMax: linesMax, room: room, link: link)
        var number = 0
        while let line = try reader.next() {
            number += 1
            guard case .text(let bytes) = line else {
                found.withLock { $0.headCount += 1 }
                batch.append(PushInput.Line(number: number, text: line), bytesTaken: reader.bytesTaken)
                continue
            }
            switch ImportLine.sort(of: bytes) {
            case .blank: continue
            case .closing(let closing): found.withLock { $0.closing = closing }
            case .sibling:
                let spooled = number
                _ = found.withLock { $0.siblingLines.insert(spooled) }
                try ImportReader.write(Array("\(number) ".utf8) + bytes + [UInt8(ascii: "\n")], to: spool)
            case .change:
                found.withLock { $0.headCount += 1 }
                batch.append(PushInput.Line(number: number, text: line), bytesTaken: reader.bytesTaken)
            }
        }
        batch.post(bytesTaken: reader.bytesTaken)
        return spool
    }

    private func readSiblings(_ spool: Int32, into link: LoopAddress<HubLink.Mail>) throws(LineReader.Failure) {
        lseek(spool, 0, SEEK_SET)
        var reader = LineReader(descriptor: spool, lineBytesMax: (8 << 20) + 32)
        // The input is read; what is left shows as the whole of it.
        var batch = Batch(linesMax: linesMax, room: room, link: link, taken: .max)
        while case .text(let bytes)? = try reader.next() {
            guard let space = bytes.firstIndex(of: UInt8(ascii: " ")),
                let number = Int(String(decoding: bytes[..<space], as: UTF8.self))
            else { continue }
            let line = PushInput.Line(number: number, text: .text(Array(bytes[(space + 1)...])))
            batch.append(line, bytesTaken: nil)
        }
        batch.post(bytesTaken: nil)
    }

    private static func namelessFile() throws(LineReader.Failure) -> Int32 {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array((folder + "/carillon-import-XXXXXX").utf8CString)
        let file = mkstemp(&template)
        guard file >= 0 else { throw LineReader.Failure(code: errno) }
        unlink(template)
        return file
    }

    private static func write(_ bytes: [UInt8], to file: Int32) throws(LineReader.Failure) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress.map { $0 + done }, $0.count - done) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw LineReader.Failure(code: errno) }
            done += count
        }
    }
}

/// Lines that become one push.
private struct Batch {
    let linesMax: Int
    let room: DispatchSemaphore
    let link: LoopAddress<HubLink.Mail>
    private var lines: [PushInput.Line] = []
    private var bytes = 0
    private var taken: Int

    init(linesMax: Int, room: DispatchSemaphore, link: LoopAddress<HubLink.Mail>, taken: Int = 0) {
        self.linesMax = linesMax
        self.taken = taken
        self.room = room
        self.link = link
    }

    mutating func append(_ line: PushInput.Line, bytesTaken: Int?) {
        var count = 1
        if case .text(let text) = line.text { count = text.count }
        if bytes + count > InputReader.batchBytes { post(bytesTaken: nil) }
        lines.append(line)
        bytes += count
        taken = bytesTaken ?? taken
        if lines.count >= linesMax { post(bytesTaken: nil) }
    }

    mutating func post(bytesTaken: Int?) {
        guard !lines.isEmpty else { return }
        room.wait()
        link.post(.note(PushNote.input(PushInput(lines: lines, bytesTaken: bytesTaken ?? taken))))
        (lines, bytes) = ([], 0)
    }
}
