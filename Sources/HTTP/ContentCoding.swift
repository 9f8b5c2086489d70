/// Content codings (RFC 9110 8.4 and 12.5.3): gzip, or nothing.
public enum ContentCoding {
    /// Whether a peer would rather have an answer as gzip than as it is.
    ///
    /// - Parameter field: Accept-Encoding; nil where there is none, and then it would not.
    public static func prefersGzip(_ field: String?) -> Bool {
        guard let field else { return false }
        var (gzip, identity, others): (Int?, Int?, Int?) = (nil, nil, nil)
        for member in field.split(separator: ",") {
            let parts = member.split(separator: ";", omittingEmptySubsequences: false).map(trim)
            guard let name = parts.first, let weight = weight(parts.dropFirst()) else { continue }
            if Token.equal(name, "gzip") || Token.equal(name, "x-gzip") { gzip = max(gzip ?? 0, weight) }
            if Token.equal(name, "identity") { identity = weight }
            if name == "*" { others = weight }
        }
        let wanted = gzip ?? others ?? 0
        return wanted > 0 && wanted >= identity ?? 0
    }

    /// What a request's body is coded with.
    public enum OfRequest: Equatable, Sendable {
        case identity
        case gzip
        /// Another one, or several.
        case unknown
    }

    /// - Parameter field: Content-Encoding.
    public static func ofRequest(_ field: String?) -> OfRequest {
        let codings = (field ?? "").split(separator: ",").map(trim).filter {
            !$0.isEmpty && !Token.equal($0, "identity")
        }
        guard let coding = codings.first else { return .identity }
        let isGzip = codings.count == 1 && (Token.equal(coding, "gzip") || Token.equal(coding, "x-gzip"))
        return isGzip ? .gzip : .unknown
    }

    /// RFC 9110 12.4.2, in thousandths: 1,000 where nothing is said, nil where it is none.
    private static func weight(_ parameters: ArraySlice<Substring>) -> Int? {
        for parameter in parameters {
            let pair = parameter.split(separator: "=", maxSplits: 1).map(trim)
            guard pair.count == 2, Token.equal(pair[0], "q") else { continue }
            let digits = Array(pair[1].utf8)
            guard let first = digits.first, digits.count <= 5, first == UInt8(ascii: "0") || first == UInt8(ascii: "1"),
                digits.count == 1 || digits[1] == UInt8(ascii: ".")
            else { return nil }
            var weight = Int(first - UInt8(ascii: "0")) * 1_000
            var unit = 100
            for digit in digits.dropFirst(2) {
                guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
                weight += Int(digit - UInt8(ascii: "0")) * unit
                unit /= 10
            }
            return weight <= 1_000 ? weight : nil
        }
        return 1_000
    }

    private static func trim(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text = text.dropFirst() }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return text
    }
}
