#if NATS
internal import CNats

/// The version of the client library that is linked.
enum NATSLibrary {
    static var version: String { String(cString: nats_GetVersion()) }
}
#endif
