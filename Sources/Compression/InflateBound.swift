/// How far compressed bytes may grow. Checked while they are inflated, piece by piece, so that a bomb costs no more than
/// the bound and one piece.
public struct InflateBound: Hashable, Sendable {
    /// Bytes that come of them at most.
    public var bytesMax: Int
    /// How many times what was taken in may come out, beside ``freeBytes``. JSON shrinks to a tenth, and
    /// the same word over and over to a hundredth; DEFLATE's own bound, of zeros, is 1,032. Default 200.
    public var ratioMax: Int
    /// Bytes that may come out whatever the ratio: little enough to be no harm, and a short message of one letter is
    /// none. Default 256 KiB.
    public var freeBytes: Int

    public init(bytesMax: Int, ratioMax: Int = 200, freeBytes: Int = 256 << 10) {
        self.bytesMax = bytesMax
        self.ratioMax = ratioMax
        self.freeBytes = freeBytes
    }

    /// - Throws: where `made` bytes have come of `taken`, and that is too many.
    func check(made: Int, of taken: Int) throws(CompressionError) {
        guard made <= bytesMax else { throw .tooLarge }
        guard made <= freeBytes || (made - freeBytes) / max(ratioMax, 1) <= taken else { throw .tooDense }
    }

    /// How many more bytes came out than the ratio lets: negative where it lets more. What is spent of ``freeBytes``.
    public func excess(made: Int, of taken: Int) -> Int {
        let (allowed, isPast) = taken.multipliedReportingOverflow(by: max(ratioMax, 1))
        return isPast ? .min : made - allowed
    }
}
