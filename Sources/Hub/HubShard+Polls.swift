internal import Causality
internal import Reactor
internal import Storage
internal import Wire

/// Long polls: one page of the log, as soon as there is one. A poll that waits is an entry in its room and a timer.
extension HubShard {
    func beginPoll(_ connection: Connection, waitSeconds: Int) {
        guard let space = connection.subscription?.space else { return }
        guard enterRoom(connection, space) else { return }
        let timer =
            waitSeconds > 0 ? loop.schedule(after: .seconds(waitSeconds), token: connection.id.raw) : TimerID.none
        connection.stream?.timer = timer
        // It is not to wait, or the loop has no timer left: what the log holds now is its answer.
        connection.stream?.isOverdue = timer == .none
        readPoll(connection)
    }

    /// A commit, or an announcement that there may have been one.
    func wake(_ polls: [ConnectionID], _ broadcast: Broadcast) {
        for id in polls {
            guard let connection = connection(id), let subscription = connection.subscription,
                subscription.state == .live, broadcast.upTo > subscription.seen
            else { continue }
            let isUnknown = broadcast.isGap || broadcast.after > subscription.seen
            if isUnknown
                || broadcast.items.contains(where: {
                    $0.position > subscription.seen && subscription.interest.shown($0) != nil
                })
            {
                // From the log and not from here: what comes meanwhile is in the same page.
                readPoll(connection)
            } else {
                connection.subscription?.seen = broadcast.upTo
            }
        }
    }

    private func readPoll(_ connection: Connection) {
        guard let subscription = connection.subscription, let stream = connection.stream,
            case .poll(let limit, _) = stream.opening.kind
        else { return }
        connection.subscription?.state = .reading
        let interest = subscription.interest
        let asked = interest.query(after: subscription.seen, limit: limit, bytesMax: core.limits.pullBytesMax)
        let (generation, coding) = (stream.opening.generation, stream.coding)
        readPage(connection.id, asked, of: generation, for: "a poll", mail: ShardMail.polled) { page in
            let entries = interest.access.viewer.shown(page.entries.filter { !interest.leavesOut($0) })
            let cursor = Cursor(generation: generation, space: asked.space, position: page.upTo)
            let answer =
                entries.isEmpty
                ? nil : coding.apply(RESTAnswer(json: HubShard.pollBody(entries, cursor, hasMore: page.hasMore)))
            return PollPage(answer: answer, upTo: page.upTo, hasMore: page.hasMore)
        }
    }

    func takePollPage(_ connection: Connection, _ result: Result<PollPage, ErrorFrameError>) {
        guard let subscription = connection.subscription, subscription.state == .reading,
            let stream = connection.stream, stream.isPoll, let room = rooms[subscription.space]
        else { return }
        switch result {
        case .failure(let error):
            refuse(connection, error.frame)
        case .success(let page):
            connection.subscription?.seen = page.upTo
            if let answer = page.answer {
                finishPoll(connection, answer)
            } else if stream.isOverdue {
                answerEmpty(connection, hasMore: page.hasMore)
            } else if page.hasMore || room.latest > page.upTo {
                readPoll(connection)
            } else {
                connection.subscription?.state = .live
                core.feed.wentLive(subscription.space, at: page.upTo)
            }
        }
    }

    /// A poll's time is up.
    func endWait(_ connection: Connection) {
        guard let subscription = connection.subscription, connection.stream?.isPoll == true else { return }
        switch subscription.state {
        case .live: answerEmpty(connection)
        // The page may hold something, and must not reach the connection's next poll.
        case .reading, .lagging: connection.stream?.isOverdue = true
        }
    }

    /// Answers that there was nothing, up to where it has looked.
    func answerEmpty(_ connection: Connection, hasMore: Bool = false) {
        guard let subscription = connection.subscription, let stream = connection.stream else { return }
        let cursor = Cursor(
            generation: stream.opening.generation, space: subscription.space, position: subscription.seen)
        finishPoll(connection, RESTAnswer(json: HubShard.pollBody([], cursor, hasMore: hasMore)))
    }

    func finishPoll(_ connection: Connection, _ answer: RESTAnswer, isLast: Bool = false) {
        leaveStream(connection)
        answerRequest(connection, answer, isLast: isLast)
    }

    private static func pollBody(_ entries: [LogEntry], _ cursor: Cursor, hasMore: Bool) -> [UInt8] {
        var body: [UInt8] = []
        FrameEncoder.page(entries, cursor: cursor, hasMore: hasMore, into: &body)
        return body
    }
}
