/// What a ContextFS client may send at once.
public struct ContextFSLimits: Sendable {
    /// Bytes of one push: 90 MB were measured for 10,000 memories with their embeddings, and `--all` knows no limit.
    public var pushBytesMax = 512 << 20
    /// Bytes of a manifest, which is read whole: some 400,000 entries.
    public var manifestBytesMax = 64 << 20
    /// Bytes of every other request.
    public var requestBytesMax = 1 << 20
    /// Items of one push: 24 bytes each are kept of where they lie.
    public var itemsMax = 500_000
    /// Bytes of one item; what is longer is refused alone.
    public var itemBytesMax = 8 << 20
    /// Items and bytes of one commit of a push: the journal's own sizes, of which two are under way at once.
    public var chunkItems = 1_000
    public var chunkBytes = 4 << 20
    /// Entries of one page that a client may ask for; it asks for 1,000.
    public var pageItemsMax = 10_000
    /// Bytes after which a page ends, whatever was asked for.
    public var pageBytesMax = 8 << 20
    /// What a memory's embedding has, unless the user's memories have another size already.
    public var embeddingCount = 384
    /// Refused items that an answer names, and conflicts that carry both contents.
    public var namedRefusalsMax = 1_000
    public var conflictsMax = 10_000

    public init() {}
}
