/// Why bytes are no frame. The session goes on unless the code says otherwise.
public struct FrameError: Error, Sendable, Equatable {
    public let code: ErrorCode
    public let message: String
    /// Where in the bytes, when it is a matter of their form.
    public let offset: Int?
    /// The push that it is about, where its id could be read.
    public let pushID: String?

    public init(_ code: ErrorCode, _ message: String, offset: Int? = nil, pushID: String? = nil) {
        self.code = code
        self.message = message
        self.offset = offset
        self.pushID = pushID
    }

    init(_ error: JSONError) {
        self.init(error.code.errorCode, "\(error.code.sentence), at byte \(error.offset)", offset: error.offset)
    }
}
