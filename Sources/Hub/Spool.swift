internal import Foundation
internal import Logging
internal import Reactor

/// Where bodies wait that are too long for memory, and how many bytes of them all together.
final class SpoolPlace: Sendable {
    /// The process's own, where none is told.
    static var standardFolder: String { NSTemporaryDirectory() }

    let folder: String
    let log: Logger
    private let bytesMax: Int
    private let bytes = Guarded(0)

    init(folder: String, bytesMax: Int, log: Logger) {
        self.folder = folder
        self.bytesMax = bytesMax
        self.log = log
    }

    /// Whether there is room for `count` bytes more. Each true is given back.
    func take(_ count: Int) -> Bool {
        bytes.withLock { bytes in
            guard count <= bytesMax - bytes else { return false }
            bytes += count
            return true
        }
    }

    func giveBack(_ count: Int) {
        bytes.withLock { $0 -= count }
    }

    /// Bytes that are taken now.
    var takenBytes: Int { bytes.withLock { $0 } }
}

/// A body in a file, or on its way there. The file is there from the first byte on.
///
/// One writer at a time; readers when it has finished.
final class Spool: Sendable {
    private struct State {
        var file: ScratchFile?
        var count = 0
        /// Bytes taken of the place, written or not.
        var takenBytes = 0
    }

    private let place: SpoolPlace
    private let state = Guarded(State())

    init(_ place: SpoolPlace) {
        self.place = place
    }

    deinit {
        place.giveBack(state.withLock { $0.takenBytes })
    }

    /// Whether there is room for a body of `count` bytes in all.
    func reserve(_ count: Int) -> Bool {
        state.withLock { state in
            let more = count - state.takenBytes
            guard more > 0 else { return true }
            guard place.take(more) else { return false }
            state.takenBytes = count
            return true
        }
    }

    /// Writes behind what is there. Blocking.
    ///
    /// - Precondition: the bytes are reserved.
    func append(_ bytes: [UInt8]) throws(DialectError) {
        do throws(ReactorError) {
            var (file, count) = state.withLock { ($0.file, $0.count) }
            if file == nil {
                file = try ScratchFile(in: place.folder)
                state.withLock { [file] in $0.file = file }
            }
            try file?.write(bytes, at: count)
            count += bytes.count
            state.withLock { [count] in $0.count = count }
        } catch {
            place.log.error("a body could not be kept in \(place.folder): \(error)")
            throw ScratchFile.isFull(error) ? .storageFull : .internal
        }
    }

    /// Up to `countMax` bytes from `offset` on. Blocking.
    func read(from offset: Int, countMax: Int) throws(DialectError) -> [UInt8] {
        let (file, count) = state.withLock { ($0.file, $0.count) }
        guard offset >= 0, offset < count, countMax > 0, let file else { return [] }
        let wanted = min(countMax, count - offset)
        do throws(ReactorError) {
            let bytes = try file.read(count: wanted, at: offset)
            guard bytes.count == wanted else { throw .system(call: "pread", code: 0) }
            return bytes
        } catch {
            place.log.error("a body could not be read from \(place.folder): \(error)")
            throw .internal
        }
    }

    var count: Int { state.withLock { $0.count } }
}
