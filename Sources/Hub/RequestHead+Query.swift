internal import Foundation
internal import HTTP

/// Why a query's parameter cannot be read.
struct QueryError: Error {
    let sentence: String
}

extension RequestHead {
    /// The first value of a parameter of the query; nil where it is absent.
    ///
    /// - Throws: where its bytes are no UTF-8: a name must not be read as another one.
    func parameter(_ name: String) throws(QueryError) -> String? {
        for pair in (query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts[0] == name else { continue }
            guard let value = (parts.count > 1 ? String(parts[1]) : "").removingPercentEncoding else {
                throw QueryError(sentence: "\(name) is not percent-encoded UTF-8")
            }
            return value
        }
        return nil
    }
}
