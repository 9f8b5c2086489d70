public import Causality
internal import Foundation
internal import Storage
internal import Wire

/// What the hub holds of the records that lines name: the versions that these lines are edits of.
public struct HeldVersions: Sendable {
    public var rest: RESTClient
    /// For lines that name no kind.
    public var kind: Identifier?
    /// Times that the hub is asked for one record; nil asks for ever.
    public var triesMax: Int? = 8

    public init(_ rest: RESTClient, kind: Identifier? = nil) {
        self.rest = rest
        self.kind = kind
    }

    /// The clock of the head that a line without a clock is an edit of; empty where the hub has none, and for a line
    /// that says itself what it comes after. A line that is no change is for whoever pushes it.
    ///
    /// One request a line: for edits by hand and by scripts. Blocks.
    public func clock(for line: [UInt8]) throws(ClientError) -> VectorClock {
        guard let object = RawObject(line), object.present("clock") == nil, object.present("supersedes") == nil,
            let id = object.string("id"), let kind = object.string("kind") ?? kind?.text, !id.isEmpty, !kind.isEmpty
        else { return VectorClock() }
        guard let answer = try asking(kind, id) else { return VectorClock() }
        do throws(FrameError) {
            return try RecordAnswer.decode(answer).head.change.clock
        } catch {
            throw .notHub(rest.url, error.message)
        }
    }

    private func asking(_ kind: String, _ id: String) throws(ClientError) -> [UInt8]? {
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        var tries = 0
        while true {
            do throws(ClientError) {
                return try rest.get(["v1", "records", kind, id])
            } catch {
                if error.cause == .notFound { return nil }
                tries += 1
                guard error.mayRetry, tries < triesMax ?? .max else { throw error }
                let asked = Double(error.retryAfterMs ?? 0) / 1_000
                Thread.sleep(forTimeInterval: backoff.next(askedSeconds: asked, using: &random))
            }
        }
    }
}
