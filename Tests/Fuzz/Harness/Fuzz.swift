internal import CFuzzer
internal import WebSocket

/// `fuzz TARGET [libFuzzer's options] [corpus folders, or one file to run again]`
@main
enum Fuzz {
    /// What libFuzzer calls; set once, before it starts.
    nonisolated(unsafe) private static var chosen: FuzzTarget = { _ in }

    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count > 1, let target = targets[arguments[1]] else {
            print(targets.keys.sorted().joined(separator: "\n"))
            return
        }
        chosen = target
        // libFuzzer reads its own name and options: ours is taken out.
        let rest = [arguments[0]] + arguments.dropFirst(2)
        var count = Int32(truncatingIfNeeded: rest.count)
        // Never freed: the driver keeps them to the end.
        var pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: rest.count + 1)
        for (index, argument) in rest.enumerated() { pointers[index] = copy(argument) }
        pointers[rest.count] = nil
        withUnsafeMutablePointer(to: &pointers) { vector in
            vector.withMemoryRebound(
                to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1
            ) { _ = LLVMFuzzerRunDriver(&count, $0, callback) }
        }
    }

    private static let callback: FuzzerCallback = { data, size in
        chosen(UnsafeRawBufferPointer(start: data, count: size))
        return 0
    }

    private static func copy(_ text: String) -> UnsafeMutablePointer<CChar> {
        let bytes = Array(text.utf8CString)
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        copy.initialize(from: bytes, count: bytes.count)
        return copy
    }
}

/// Reads one input, and aborts where a property does not hold.
typealias FuzzTarget = @Sendable (UnsafeRawBufferPointer) -> Void

let targets: [String: FuzzTarget] = [
    "bus": busLine,
    "http-request": httpRequest,
    "http-response": httpResponse,
    "websocket-server": { webSocket($0, role: .server) },
    "websocket-client": { webSocket($0, role: .client) },
    "inflate-bare": inflateBare,
    "inflate-gzip": inflateGzip,
    "json": json,
    "floats": floats,
    "client-frames": clientFrames,
    "hub-frames": hubFrames,
    "raw-object": rawObject,
    "session": session,
    "names": names,
    "clocks": clocks,
    "export": export,
]
