/// The path of a resource, as in `/v1/records/{kind}/{id}`.
struct RoutePattern: Sendable {
    /// The path's segments; nil stands for one that the request chooses.
    let segments: [String?]

    init(_ path: String) {
        segments = RoutePattern.segments(of: path).map { $0.hasPrefix("{") ? nil : $0 }
    }

    init(segments: [String?]) {
        self.segments = segments
    }

    /// The chosen segments, as sent; nil when the path is another one.
    func match(_ path: [String]) -> [String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String] = []
        for (segment, wanted) in zip(path, segments) {
            if let wanted {
                guard segment == wanted else { return nil }
            } else {
                parameters.append(segment)
            }
        }
        return parameters
    }

    static func segments(of path: String) -> [String] {
        path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    }
}
