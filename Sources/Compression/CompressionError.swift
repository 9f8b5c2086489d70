/// Why bytes could not be inflated, or a stream not be made.
public enum CompressionError: Error, Equatable, Sendable {
    /// A window that zlib does not do.
    case windowUnsupported
    /// There is no memory for the stream.
    case outOfMemory
    /// The bytes are not of the format.
    case invalid
    /// More than ``InflateBound/bytesMax`` would come of them.
    case tooLarge
    /// More comes of them than ``InflateBound/ratioMax`` lets.
    case tooDense
}
