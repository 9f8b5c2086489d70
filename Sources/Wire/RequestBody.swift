public import Causality

/// Reads bodies of REST requests that are one JSON object. Unknown fields are passed over.
enum RequestBody {
    static func decode<Value>(
        _ bytes: [UInt8], limits: WireLimits, _ read: (ObjectReader) throws(FieldProblem) -> Value
    ) throws(FrameError) -> Value {
        guard bytes.count <= limits.frameBytesMax else {
            throw FrameError(
                .tooLarge, "the body has \(bytes.count) bytes, over the limit of \(limits.frameBytesMax)")
        }
        return try JSONScanner.read(bytes) { (scanner, place) throws(FieldProblem) -> Value in
            try read(ObjectReader(scanner, at: place))
        }
    }
}

/// The body of `POST /v1/devices`.
public struct DeviceRequest: Sendable, Equatable {
    /// Longest name and platform, in bytes.
    public static let textBytesMax = 256

    public var id: Identifier
    public var name: String?
    public var platform: String?

    public init(id: Identifier, name: String? = nil, platform: String? = nil) {
        self.id = id
        self.name = name
        self.platform = platform
    }

    /// Appends the body, for clients.
    public func encode(into out: inout [UInt8]) {
        out.put("{\"id\":")
        out.putString(id.text)
        if let name {
            out.put(",\"name\":")
            out.putString(name)
        }
        if let platform {
            out.put(",\"platform\":")
            out.putString(platform)
        }
        out.put("}")
    }

    public static func decode(_ bytes: [UInt8], limits: WireLimits = .standard) throws(FrameError) -> DeviceRequest {
        try RequestBody.decode(bytes, limits: limits) { (object) throws(FieldProblem) -> DeviceRequest in
            guard let id = try object.field("id").identifier(object.scanner) else { throw .missing("id") }
            return DeviceRequest(
                id: id, name: try object.field("name").storedText(object.scanner, bytesMax: textBytesMax),
                platform: try object.field("platform").storedText(object.scanner, bytesMax: textBytesMax))
        }
    }
}
