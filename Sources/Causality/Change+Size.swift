extension Change {
    /// About how many bytes the change takes as JSON in a page or a frame, and so what it counts in a byte budget.
    ///
    /// An estimate from above for all but texts full of escapes, without writing anything: exact sizes would cost an
    /// encoding each. ``body`` is written as it is.
    public var encodedBytesEstimate: Int {
        let names = [kind, id, namespace, hash].reduce(0) { $0 + $1.text.utf8.count }
        let clockBytes = clock.entries.reduce(0) {
            $0 + $1.replica.text.utf8.count + EncodedSize.clockEntryBytes
        }
        return EncodedSize.fieldsBytes + names + clockBytes + body.count
            + EncodedSize.embeddingNumberBytes * (embedding?.count ?? 0)
    }
}

extension LogEntry {
    /// ``Change/encodedBytesEstimate`` of its change, and what explains it.
    public var encodedBytesEstimate: Int { change.encodedBytesEstimate + detail.utf8.count }
}

/// What the parts of an encoded change are counted at.
public enum EncodedSize {
    /// Field names, punctuation, times, the author and the reason of one change.
    public static let fieldsBytes = 160
    /// Quotes, colon, comma, and a counter of up to 16 digits, with some to spare.
    public static let clockEntryBytes = 24
    /// The longest 32-bit float with its comma is 15 bytes (`-1.1754944e-38,`), the common ones 10 to 12.
    public static let embeddingNumberBytes = 14
}
