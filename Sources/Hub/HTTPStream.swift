internal import Causality
internal import Compression
internal import HTTP
internal import Reactor
internal import Storage

/// A good request for an answer that goes on: who asks, and for what.
struct StreamOpening: Sendable {
    enum Kind: Sendable, Equatable {
        /// `GET /v1/changes` with `Accept: text/event-stream`.
        case events
        /// `GET /v1/changes` otherwise: one page, as soon as there is one.
        case poll(limit: Int, waitSeconds: Int)
        /// `GET /v1/export`.
        case export(includesDeleted: Bool)
    }

    let kind: Kind
    let user: User
    let access: SpaceAccess
    let keyPrefix: String
    /// Where its chain begins.
    let start: Position
    let kinds: [Identifier]
    let namespaces: [Identifier]
    /// The device whose own changes are left out, if the request names one.
    let device: Device?
    /// As ``Member/ownUpTo``.
    let ownUpTo: Position
    /// ``HubCore/removalCount`` before that was looked up.
    let removalCount: Int
    /// The life of the log that it begins in.
    let generation: Generation
}

/// An answer that goes on, on its connection's shard.
struct HTTPStream {
    let opening: StreamOpening
    let coding: AnswerCoding
    /// False where the body ends with the connection: the peer speaks HTTP/1.0, or asked for the close.
    let isChunked: Bool
    /// Whether the connection is for another request behind it.
    let keepsAlive: Bool

    /// Events: loop time of the last heartbeat.
    var beatAt: UInt64
    /// A poll: when its time is up; and whether it was while a page was being read.
    var timer = TimerID.none
    var isOverdue = false
    /// An export: lines so far; and whether its head is out, behind which no problem can be told.
    var lineCount = 0
    var hasHead = false
    /// The same, where its body is gzip: what went out so far.
    var gzip: Gzip?

    init(
        _ opening: StreamOpening, for head: RequestHead, _ choice: CompressionChoice, isDraining: Bool, now: UInt64
    ) {
        self.opening = opening
        coding = AnswerCoding(head, choice)
        // RFC 9112 7: HTTP/1.0 knows no chunks. An export keeps them when the connection is to close all the same: they
        // tell a cut-off body from a whole one.
        isChunked = !head.isHTTP10 && (head.keepAlive || opening.kind != .events)
        keepsAlive = isChunked && head.keepAlive && !isDraining
        beatAt = now
        if case .export = opening.kind, isChunked, coding.isGzip { gzip = Gzip() }
    }

    var keyPrefix: String { opening.keyPrefix }

    var isEvents: Bool { opening.kind == .events }

    var isPoll: Bool { if case .poll = opening.kind { true } else { false } }

    var isExport: Bool { if case .export = opening.kind { true } else { false } }

    var contentType: String {
        switch opening.kind {
        case .events: EventStreamWriter.mediaType
        case .poll: "application/json"
        case .export: "application/x-ndjson"
        }
    }

    func subscription(_ id: ConnectionID) -> Subscription {
        let interest = Interest(
            access: opening.access, kinds: opening.kinds, namespaces: opening.namespaces,
            device: opening.device.map { opening.access.author($0.id) }, ownUpTo: opening.ownUpTo)
        return Subscription(
            id, to: interest, from: opening.start, of: opening.generation,
            framing: isChunked ? .chunkedEvents : .events)
    }
}

/// The answer of a poll, or how far it has looked in vain.
struct PollPage: Sendable {
    /// Nil where there was nothing for it.
    let answer: RESTAnswer?
    let upTo: Position
    let hasMore: Bool
}

/// Lines of an export, as they go out.
struct ExportPage: Sendable {
    let body: SharedBytes
    /// Where the body is gzip, the part of it that `body` is.
    let piece: GzipPiece?
    let lineCount: Int
    let upTo: Position
    let hasMore: Bool
}
