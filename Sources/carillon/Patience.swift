internal import CarillonClient
internal import Foundation

/// Asking again, where a hub that is away or busy is no reason to give up.
enum Patience {
    /// Asks until there is an answer, or an error that time does not mend. Blocks; for ever where `triesMax` is nil.
    static func asking<Value>(triesMax: Int? = nil, _ body: () throws(ClientError) -> Value) throws -> Value {
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        var tries = 0
        while true {
            do throws(ClientError) {
                return try body()
            } catch {
                tries += 1
                guard error.mayRetry, tries < triesMax ?? .max else { throw CommandFailure(error) }
                let wait = backoff.next(askedSeconds: Double(error.retryAfterMs ?? 0) / 1_000, using: &random)
                Terminal.complain(error.sentence + String(format: " Trying again in %.1f s.", wait))
                Thread.sleep(forTimeInterval: wait)
            }
        }
    }
}
