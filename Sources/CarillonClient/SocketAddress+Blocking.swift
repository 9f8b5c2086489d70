internal import Dispatch
internal import Reactor

extension SocketAddress {
    /// `resolve`, for a caller that has nothing else to do.
    static func resolveBlocking(host: String, port: UInt16) throws(ReactorError) -> [SocketAddress] {
        let done = DispatchSemaphore(value: 0)
        let found = Guarded<Result<[SocketAddress], ReactorError>>(.success([]))
        resolve(host: host, port: port) { result in
            found.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        return try found.withLock { $0 }.get()
    }
}
