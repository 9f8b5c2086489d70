internal import Causality
public import Storage

/// The body of `POST /v1/resolve`: versions of records that are settled by name.
public struct ResolveRequest: Sendable, Equatable {
    /// Most resolutions of one request. 64: each may have the hub read a body of the largest size, 256 MiB together,
    /// which is what one journal lane may hold.
    public static let resolutionsMax = 64

    /// `id` is empty where the request gives none.
    public var push: Push
    /// One for each change among the push's items, in their order.
    public var settlements: [Settlement]

    /// A resolution that is wrong by itself becomes a rejected item. Bodies are slices of `bytes`.
    public static func decode(_ bytes: [UInt8], limits: WireLimits = .standard) throws(FrameError) -> ResolveRequest {
        try RequestBody.decode(bytes, limits: limits) { (object) throws(FieldProblem) -> ResolveRequest in
            let id = try object.field("id").string(object.scanner, bytesMax: limits.frameIDBytesMax)
            guard
                let places = try object.field("resolutions").elements(
                    object.scanner, "a list of resolutions", countMax: resolutionsMax, code: .badField,
                    excess: .tooLarge)
            else { throw .missing("resolutions") }
            var request = ResolveRequest(push: Push(id: id ?? "", items: []), settlements: [])
            for place in places {
                let (item, settlement) = try ChangeDecoder.resolution(
                    object.scanner, at: place, of: bytes, limits: limits)
                request.push.items.append(item)
                if let settlement { request.settlements.append(settlement) }
            }
            return request
        }
    }
}
