/// A request's body that goes to a file as it comes. Lives on its connection's shard; the file is written elsewhere.
final class IncomingBody {
    let spool: Spool
    /// Bytes that make up the next piece for the file.
    var gathered: [UInt8] = []
    /// Bytes that are with the file's writer.
    var waitingBytes = 0
    var receivedBytes = 0
    /// The last byte has come.
    var isWhole = false
    /// Bytes, and loop time, when it was last seen to come at a fair rate.
    var markBytes = 0
    var markAt: UInt64

    init(_ spool: Spool, now: UInt64) {
        self.spool = spool
        markAt = now
    }

    var memoryBytes: Int { gathered.count + waitingBytes }
}

/// An answer's body that is sent from a file as the peer takes it. Lives on its connection's shard.
final class OutgoingBody {
    let body: DialectBody
    let keepsAlive: Bool
    var offset = 0
    /// The outbox has enough: the next piece is read when it is empty.
    var isWaiting = false

    init(_ body: DialectBody, keepsAlive: Bool) {
        self.body = body
        self.keepsAlive = keepsAlive
    }
}
