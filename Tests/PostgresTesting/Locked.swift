internal import Foundation

/// A value that is reached under its lock only.
final class Locked<Value: Sendable>: @unchecked Sendable {
    // @unchecked: `value` is touched inside `withLock` only.
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
