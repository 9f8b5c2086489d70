/// How hubs on one store tell each other what happened.
///
/// A bus promises little: a message reaches every other hub that listens, soon, at most once, in any order, or is lost.
/// The store is what is true; whoever hears nothing looks there. So a hub that runs alone needs none.
public protocol Bus: Sendable {
    /// Whether ``BusMessage/payload`` is carried. Where it is not, hubs read what they are told of from the store.
    var carriesPayloads: Bool { get }

    /// Begins to listen, and keeps at it: a lost connection is made anew until ``stop()``. Called once.
    ///
    /// - Parameter receive: called on a thread of the bus, one event after another; it does not block for long. The
    ///   sender's own messages may be among what it is called with.
    func start(_ receive: @escaping @Sendable (BusEvent) -> Void)

    /// Sends to the other hubs. Returns at once; what cannot be sent, or is more than the bus can queue, is dropped.
    func post(_ message: BusMessage)

    /// Returns when `receive` will not be called again.
    func stop()
}

/// One message between hubs.
public struct BusMessage: Sendable, Equatable {
    /// Most bytes of ``line``: the payload of a NOTIFY is less than 8,000 bytes.
    public static let lineBytesMax = 7_900

    /// UTF-8 without line breaks and NUL, of at most ``lineBytesMax`` bytes.
    public var line: String
    /// Any bytes; empty unless the bus carries payloads.
    public var payload: [UInt8]

    public init(line: String, payload: [UInt8] = []) {
        self.line = line
        self.payload = payload
    }
}

/// What a bus tells its hub.
public enum BusEvent: Sendable, Equatable {
    case message(BusMessage)
    /// It listens from now on: what was sent before may have been missed.
    case connected
    /// It hears nothing until it says ``connected``. With the reason, for the log.
    case disconnected(String)
}
