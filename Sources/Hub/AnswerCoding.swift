internal import Compression
internal import HTTP
internal import HTTPTypes
internal import WebSocket

/// Whether an answer goes as gzip: decided by its request, done where the answer is made and not on a loop.
struct AnswerCoding: Sendable {
    let isGzip: Bool
    private let isOffered: Bool
    private let bytesMin: Int

    init(_ head: RequestHead?, _ choice: CompressionChoice) {
        isOffered = choice.isOffered
        bytesMin = choice.answerBytesMin
        isGzip = choice.isOffered && ContentCoding.prefersGzip(head?.field(.acceptEncoding))
    }

    /// RFC 9110 12.5.5: of what has two forms, every one says so, that no cache gives one for the other.
    static let vary = ("Vary", "Accept-Encoding")
    static let gzip = ("Content-Encoding", "gzip")

    func apply(_ answer: RESTAnswer) -> RESTAnswer {
        guard isOffered, !answer.holdsSecret, answer.spooled == nil, answer.body.count >= bytesMin,
            Self.isText(answer)
        else { return answer }
        var answer = answer
        answer.fields.append(Self.vary)
        guard isGzip, let deflater = Self.deflater() else { return answer }
        answer.body = Gzip.member(of: answer.body, by: deflater)
        answer.fields.append(Self.gzip)
        return answer
    }

    /// A part of a body that goes as gzip.
    static func piece(_ bytes: [UInt8]) -> GzipPiece? {
        deflater().map { deflater in bytes.withUnsafeBytes { GzipPiece($0, by: deflater) } }
    }

    private static func deflater() -> Deflater? {
        try? Deflater(.deflate(windowBits: 15), level: SharedDeflate.level)
    }

    private static func isText(_ answer: RESTAnswer) -> Bool {
        var type = ""
        for (name, value) in answer.fields {
            if Token.equal(name, "Content-Encoding") { return false }
            if Token.equal(name, "Content-Type") { type = value.lowercased() }
        }
        return type.hasPrefix("text/") || type.hasPrefix("application/json")
            || type.hasPrefix("application/problem+json")
            || type.hasPrefix("application/x-ndjson")
    }
}
