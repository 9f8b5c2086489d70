internal import Dispatch
internal import Reactor

extension SocketAddress {
    /// `resolve`, for a caller that has nothing else to do.
    static func resolveBlocking(
        host: String, port: UInt16, timeoutSeconds: Int
    ) throws(ReactorError) -> [SocketAddress] {
        let done = DispatchSemaphore(value: 0)
        let found = Guarded<Result<[SocketAddress], ReactorError>>(.success([]))
        resolve(host: host, port: port) { result in
            found.withLock { $0 = result }
            done.signal()
        }
        // The resolver has patience of its own, up to half a minute; a caller may have less.
        guard done.wait(timeout: .now() + .seconds(timeoutSeconds)) == .success else {
            throw .unresolved(host: host, reason: "the resolver did not answer in \(timeoutSeconds) seconds")
        }
        return try found.withLock { $0 }.get()
    }
}
