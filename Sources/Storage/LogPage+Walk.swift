public import Causality

extension PageQuery {
    /// Reads page after page, and tells each; for stores whose `page` reads from a cut that stands meanwhile.
    ///
    /// - Returns: where the last one ended.
    public func walk(_ page: (PageQuery) throws -> LogPage, _ body: ([LogEntry]) throws -> Void) throws -> Position {
        var query = self
        while true {
            let page = try page(query)
            try body(page.entries)
            guard page.hasMore else { return page.upTo }
            query.after = page.upTo
        }
    }
}
