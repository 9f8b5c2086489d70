/// The names by which both ends know this protocol. Its text is `Protocol/PROTOCOL.md`.
public enum CarillonProtocol {
    /// The WebSocket subprotocol (RFC 6455 1.9) of version 1: JSON text, one frame in one message.
    public static let subprotocol = "carillon.v1"
    /// The value of the hello's field `protocol`.
    public static let version = 1
    /// The user's own space, as every client of that user is told it. What the store calls it stays in the hub.
    public static let ownSpaceName = "own"
}
