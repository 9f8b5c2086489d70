internal import Causality
internal import Compression
internal import HTTP
internal import Logging
internal import Reactor
internal import Storage
internal import Wire

/// Exports: the log as lines, page by page, each read when the peer has taken most of the one before. What is in
/// memory is a page and an outbox, for any size of the space.
///
/// It reads to the live end, not to the head at its beginning: a record that was written meanwhile has left its old
/// place in the log, and its new one may be the only one there is.
extension HubShard {
    func readExport(_ connection: Connection) {
        guard let subscription = connection.subscription, let stream = connection.stream,
            case .export(let includesDeleted) = stream.opening.kind
        else { return }
        connection.subscription?.state = .reading
        let asked = subscription.interest.query(
            after: subscription.seen, limit: core.limits.pageEntriesMax, bytesMax: core.limits.pageBytesMax)
        let (generation, isChunked, isGzip) = (stream.opening.generation, stream.isChunked, stream.gzip != nil)
        let viewer = stream.opening.access.viewer
        readPage(connection.id, asked, of: generation, mayBeReplica: true, for: "an export", mail: ShardMail.exported) {
            page in
            let entries = viewer.shown(page.entries).filter { includesDeleted || !$0.change.isDeleted }
            let piece = isGzip ? AnswerCoding.piece(ExportLines.encode(entries, isChunked: false)) : nil
            let lines: [UInt8]
            if let piece {
                lines = ExportLines.chunk(piece.bytes)
            } else {
                lines = ExportLines.encode(entries, isChunked: isChunked)
            }
            return ExportPage(
                body: SharedBytes(lines), piece: piece, lineCount: entries.count, upTo: page.upTo, hasMore: page.hasMore
            )
        }
    }

    func takeExportPage(_ connection: Connection, _ result: Result<ExportPage, ErrorFrameError>) {
        guard var stream = connection.stream, stream.isExport, let head = connection.http?.request else { return }
        switch result {
        case .failure(let error): abortExport(connection, error.frame)
        case .success(let page):
            if stream.gzip != nil, page.piece == nil {
                // Nothing can be put into its body that is not gzip.
                return abortExport(connection, ErrorFrame(code: .internal))
            }
            if !stream.hasHead {
                sendHead(connection, stream, head)
                if stream.gzip != nil { sendBody(connection) { $0 += Gzip.header } }
            }
            if let piece = page.piece { stream.gzip?.add(piece) }
            loop.send(connection.id, page.body)
            stream.hasHead = true
            stream.lineCount += page.lineCount
            connection.stream = stream
            connection.subscription?.seen = page.upTo
            if !page.hasMore {
                finishExport(connection, stream, page.upTo)
            } else if loop.outboxBytes(connection.id) > core.limits.outboxBytesMax {
                connection.subscription?.state = .lagging
            } else {
                readExport(connection)
            }
        }
    }

    /// The last line says where a pull or a tail goes on, and that nothing is missing.
    private func finishExport(_ connection: Connection, _ stream: HTTPStream, _ upTo: Position) {
        let cursor = Cursor(
            generation: stream.opening.generation, space: stream.opening.access.space, position: upTo)
        let line = Array("{\"cursor\":\"\(cursor.text)\",\"count\":\(stream.lineCount)}\n".utf8)
        if var gzip = stream.gzip {
            guard let piece = AnswerCoding.piece(line) else {
                return abortExport(connection, ErrorFrame(code: .internal))
            }
            gzip.add(piece)
            sendBody(connection) { $0 += piece.bytes + gzip.trailer }
        } else {
            sendBody(connection) { $0 += line }
        }
        sendLastChunk(connection)
        leaveStream(connection)
        finishAnswer(connection, keepsAlive: stream.keepsAlive)
    }

    /// Ends an export that cannot go on. Once its head is out, a body without its last chunk and its last line is all
    /// that can say so.
    func abortExport(_ connection: Connection, _ error: ErrorFrame) {
        guard let stream = connection.stream else { return }
        leaveStream(connection)
        guard stream.hasHead else {
            answerRequest(connection, RESTAnswer(Problem(error)), isLast: error.code.isFatal)
            return
        }
        core.notices.tell(
            .warning, "an export was cut off",
            connection.logMetadata.merging(["lines": "\(stream.lineCount)", "error": "\(error.message)"]) { $1 })
        finishAnswer(connection, keepsAlive: false)
    }
}

/// Newline-delimited JSON of log entries.
enum ExportLines {
    /// A line for each entry, as one chunk where the body is chunked.
    static func encode(_ entries: [LogEntry], isChunked: Bool) -> [UInt8] {
        var lines: [UInt8] = []
        lines.reserveCapacity(entries.reduce(0) { $0 + $1.encodedBytesEstimate })
        for entry in entries { FrameEncoder.encodeLine(entry, into: &lines) }
        return isChunked ? chunk(lines) : lines
    }

    static func chunk(_ bytes: [UInt8]) -> [UInt8] {
        var chunk: [UInt8] = []
        chunk.reserveCapacity(bytes.count + 32)
        ResponseWriter.appendChunk(bytes, into: &chunk)
        return chunk
    }
}
