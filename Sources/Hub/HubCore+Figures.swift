internal import Dispatch
internal import Reactor
internal import Storage

/// `/metrics`: what shards, lanes and queues counted, gathered when it is asked for.
extension HubCore {
    /// Milliseconds that a scrape waits for the shards. Who is busier than that is told of as it last was: a counter
    /// must not fall.
    private static let tallyMilliseconds = 500

    /// Blocking: for read queues.
    var metricsText: String {
        let isWhole = gatherTallies()
        let shards = tallies.withLock { $0 }
        var shard = ShardFigures()
        for tally in shards { shard.add(tally) }
        var lane = LaneFigures()
        for figures in laneFigures { lane.add(figures) }
        var page = MetricsPage()
        page.family("build_info", .gauge, "The hub's version.")
        page.sample("build_info", [("version", Hub.version)], 1)
        page.single("shards", .gauge, "Event loops.", shards.count)
        page.single("shards_silent", .gauge, "1 where a loop did not answer the scrape in time.", isWhole ? 0 : 1)
        page.single("draining", .gauge, "1 once the hub stops.", isDraining ? 1 : 0)
        write(shard, to: &page)
        write(lane, to: &page)
        page.single("read_queue_jobs", .gauge, "Store reads that run or wait.", readsUnderWay)
        page.single("spooled_bytes", .gauge, "Bytes of bodies in files.", spools.takenBytes)
        let counted = metrics.withLock { $0 }
        page.labelled(
            "rejected_total", .counter, "Peers refused or cut off, by reason.", "reason",
            RefusalReason.allCases.map { ($0.rawValue, counted.refusals[$0] ?? 0) })
        counted.write(to: &page)
        ProcessFigures.now.write(to: &page)
        return page.text + ((store as? any MeteredStore)?.metricsText ?? "")
    }

    private func write(_ shard: ShardFigures, to page: inout MetricsPage) {
        page.labelled(
            "connections", .gauge, "Connections, by what they are used for.", "kind",
            [
                ("socket", shard.socketCount), ("stream", shard.streamCount), ("http", shard.requestConnectionCount),
            ])
        page.single("connections_total", .counter, "Connections that were taken in.", shard.connections)
        page.single("sessions_total", .counter, "Sessions that began.", shard.sessions)
        page.single("requests_total", .counter, "HTTP requests, upgrades included.", shard.requests)
        page.single("received_bytes_total", .counter, "Bytes that peers sent.", shard.bytesReceived)
        page.single("sent_bytes_total", .counter, "Bytes that the kernel took for peers.", shard.bytesSent)
        page.labelled(
            "tls_handshakes_total", .counter, "TLS handshakes that were done in full, resumed a session, or failed.",
            "result",
            [
                ("done", shard.handshakesDone - shard.handshakesResumed), ("resumed", shard.handshakesResumed),
                ("failed", shard.handshakesFailed),
            ])
        page.labelled(
            "frames_received_total", .counter, "Frames of devices.", "type",
            ShardFigures.Received.allCases.map { ("\($0)", shard.received[$0.rawValue]) })
        page.labelled(
            "frames_sent_total", .counter, "Frames to devices; changes are stretches of the log.", "type",
            ShardFigures.Sent.allCases.map { ("\($0)", shard.sent[$0.rawValue]) })
        page.histogram(
            "delivery_duration_seconds", "From the commit to its bytes being handed to the kernel, for each device.",
            shard.delivery)
        page.single("outbox_bytes", .gauge, "Bytes that peers have not taken.", shard.outboxBytes)
        page.single("request_body_bytes", .gauge, "Bytes of bodies that are coming in.", shard.requestBodyBytes)
        page.single("subscribers", .gauge, "Sessions, streams and polls that listen to a space.", shard.subscriberCount)
        page.single("rooms", .gauge, "Spaces with subscribers, once for each shard.", shard.roomCount)
    }

    private func write(_ lane: LaneFigures, to page: inout MetricsPage) {
        page.single("pushes_total", .counter, "Pushes that were committed or refused by the store.", lane.pushes)
        page.labelled(
            "verdicts_total", .counter, "Items of pushes, by what became of them.", "verdict",
            zip(LaneFigures.outcomes, lane.outcomes).map { ($0, $1) })
        page.single("commits_total", .counter, "Transactions of pushes.", lane.commits)
        page.single("commit_failures_total", .counter, "Transactions of pushes that failed.", lane.failures)
        page.histogram("commit_duration_seconds", "Transactions of pushes.", lane.commit)
        page.histogram("push_duration_seconds", "From a push to its answer.", lane.push)
        page.single("lane_pushes", .gauge, "Pushes that wait for a transaction.", lane.waitingPushes)
        page.single("lane_bytes", .gauge, "Bytes of pushes that wait for a transaction.", lane.waitingBytes)
    }

    /// Whether all shards answered in time.
    private func gatherTallies() -> Bool {
        let deadline = DispatchTime.now() + .milliseconds(HubCore.tallyMilliseconds)
        let (count, told, tallies) = (configuration.shardCount, DispatchSemaphore(value: 0), tallies)
        for number in 0..<count {
            post(
                .tally { tally in
                    tallies.withLock { $0[number] = tally }
                    told.signal()
                }, to: number)
        }
        return (0..<count).allSatisfy { _ in told.wait(timeout: deadline) == .success }
    }

    // MARK: Life

    /// Whether every loop comes to its mail within `milliseconds`, and no lane has been at one thing for longer than
    /// `stuckSeconds`. A lane that tries again and again for a store that is away is alive.
    func isAlive(milliseconds: Int, stuckSeconds: Int) -> Bool {
        let deadline = DispatchTime.now() + .milliseconds(milliseconds)
        let (count, told) = (configuration.shardCount, DispatchSemaphore(value: 0))
        for number in 0..<count { post(.ping { told.signal() }, to: number) }
        guard (0..<count).allSatisfy({ _ in told.wait(timeout: deadline) == .success }) else { return false }
        return !areLanesStuck(seconds: stuckSeconds)
    }
}
