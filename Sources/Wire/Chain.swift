public import Causality
internal import Storage

/// Cuts a stretch of the log into the frames that carry it: heads together, each sibling by itself.
public enum Chain {
    /// One frame's part of a stretch.
    public enum Link: Sendable, Equatable {
        /// Heads only: the entries at these indices go into one `changes` frame.
        case changes(Range<Int>, after: Position, upTo: Position)
        /// A sibling: a `conflict` frame.
        case conflict(Int, after: Position, upTo: Position)
        /// Nothing for this device up to here: a `synced` frame.
        case synced(after: Position, upTo: Position)
    }

    /// The links from `after` to `upTo`, without a gap: each begins where the one before ends.
    ///
    /// - Parameters:
    ///   - entries: in order of position, all beyond `after` and not beyond `upTo`; filtered ones are left out already.
    ///   - countMax: most entries of one `changes` frame.
    ///   - bytesMax: a `changes` frame ends with the entry whose body passes this sum.
    public static func links(
        _ entries: [LogEntry], after: Position, upTo: Position, countMax: Int = WireLimits.standard.pageEntriesMax,
        bytesMax: Int = WireLimits.standard.bodyBytesMax
    ) -> [Link] {
        var links: [Link] = []
        var place = after
        var index = 0
        while index < entries.count {
            let start = index
            var bytes = 0
            while index < entries.count, !entries[index].isSibling, index - start < countMax, bytes < bytesMax {
                bytes += entries[index].change.body.count
                index += 1
            }
            // The last link reaches to the end, past whatever was filtered out behind it.
            if index == start { index += 1 }
            let end = index == entries.count ? upTo : entries[index - 1].position
            let isSibling = entries[start].isSibling
            links.append(
                isSibling
                    ? .conflict(start, after: place, upTo: end) : .changes(start..<index, after: place, upTo: end))
            place = end
        }
        if links.isEmpty, after < upTo { links.append(.synced(after: after, upTo: upTo)) }
        return links
    }
}
