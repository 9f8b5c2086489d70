internal import Histogram
internal import Reactor
internal import WebSocket

/// Pushes: when they leave, and what becomes of them.
extension LoadLoop {
    func begin(_ start: UInt64, _ schedule: PushSchedule?, _ from: UInt64, _ to: UInt64) {
        self.schedule = schedule
        measureFrom = from
        measureTo = to
        let now = Monotonic.now
        loop.schedule(after: .nanoseconds(Int64(start > now ? start - now : 0)), token: Token.begin)
    }

    func beginSending() {
        isSending = true
        scheduleChurn()
        if plan.slowReaders > 0 {
            loop.schedule(after: .milliseconds(LoadLimits.slowReadMilliseconds), token: Token.slowRead)
        }
        if schedule != nil {
            pace()
        } else {
            for publisher in publishers { sendMore(publisher) }
        }
    }

    func stopSending(measureTo time: UInt64) {
        isSending = false
        // Earlier than planned where somebody stopped the run.
        measureTo = min(measureTo, time)
        resumeSlow()
    }

    // MARK: Open loop

    /// Makes due what is due by now. Push n of the run is of publisher n mod count.
    func pace() {
        guard isSending, let schedule, !publishers.isEmpty else { return }
        let now = Monotonic.now
        while true {
            let publisher = publishers[dueNumber % publishers.count]
            let time = schedule.time(of: runNumber(publisher, dueNumber / publishers.count))
            guard time <= now else {
                let delay = max(time - now, LoadLimits.paceNanoseconds)
                loop.schedule(after: .nanoseconds(Int64(delay)), token: Token.pace)
                return
            }
            publisher.due += 1
            dueNumber += 1
            sendMore(publisher)
        }
    }

    /// The number in the whole run's schedule of a publisher's push.
    private func runNumber(_ publisher: Publisher, _ push: Int) -> Int {
        push * plan.publisherCount + publisher.number
    }

    // MARK: Sending

    func sendMore(_ publisher: Publisher) {
        guard isSending else { return }
        let device = devices + publisher.device
        guard device.pointee.phase == .live else { return }
        while publisher.hasQuotaLeft {
            let intended: UInt64
            if let schedule {
                guard Int(publisher.nextPush) < publisher.due,
                    publisher.flights.count < LoadLimits.pushesInFlightMax
                else { return }
                intended = schedule.time(of: runNumber(publisher, Int(publisher.nextPush)))
            } else {
                guard publisher.flights.count < plan.window else { return }
                intended = Monotonic.now
            }
            let flight = Publisher.Flight(
                push: publisher.nextPush, firstSequence: publisher.nextSequence, intended: intended)
            publisher.nextPush &+= 1
            publisher.nextSequence &+= UInt32(plan.changesPerPush)
            tally.counts.pushesSent += 1
            // A bare broadcast answers nothing: an open loop forgets, a closed one waits for the copies.
            if !plan.isRaw || schedule == nil { publisher.flights.append(flight) }
            write(flight, publisher, device)
        }
    }

    private func write(
        _ flight: Publisher.Flight, _ publisher: Publisher, _ device: UnsafeMutablePointer<LoadDevice>
    ) {
        let intended = flight.intended &- share.epoch
        scratch.removeAll(keepingCapacity: true)
        let payload =
            plan.isRaw
            ? writer.raw(publisher: publisher, sequence: flight.firstSequence, intended: intended)
            : writer.push(
                flight.push, publisher: publisher, firstSequence: flight.firstSequence, intended: intended)
        device.pointee.machine.appendMessage(.text, payload, into: &scratch)
        loop.send(device.pointee.connection, scratch)
    }

    func send(_ device: UnsafeMutablePointer<LoadDevice>, text: String) {
        scratch.removeAll(keepingCapacity: true)
        device.pointee.machine.appendText(text, into: &scratch)
        loop.send(device.pointee.connection, scratch)
    }

    // MARK: Sending again

    /// After a connection was lost: what has no answer may or may not be committed.
    func resendAll(_ publisher: Publisher) {
        for index in publisher.flights.indices { resend(index, publisher) }
    }

    func resendDeferred(_ number: Int) {
        let publisher = publishers[number]
        for index in publisher.flights.indices where publisher.flights[index].isDeferred { resend(index, publisher) }
    }

    private func resend(_ index: Int, _ publisher: Publisher) {
        let device = devices + publisher.device
        guard isConnected(publisher.device) else { return }
        publisher.flights[index].isResent = true
        publisher.flights[index].isDeferred = false
        tally.pushesResent += 1
        write(publisher.flights[index], publisher, device)
    }

    /// The hub wants a push again later.
    func deferPush(_ push: UInt32, _ publisher: Publisher, index: Int, milliseconds: Int) {
        guard let place = publisher.flights.firstIndex(where: { $0.push == push }) else { return }
        publisher.flights[place].isDeferred = true
        loop.schedule(after: .milliseconds(max(1, milliseconds)), token: Token.resend + UInt64(index))
    }

    // MARK: Answers

    /// - Parameter verdicts: nil where the push as a whole was refused.
    func answered(_ push: UInt32, _ publisher: Publisher, accepted: Int, refused: [Int]) {
        guard let place = publisher.flights.firstIndex(where: { $0.push == push }) else {
            // Resent, and both were answered.
            return
        }
        let flight = publisher.flights.remove(at: place)
        let changes = plan.changesPerPush
        for index in refused { publisher.unaccepted.insert(flight.firstSequence &+ UInt32(index)) }
        tally.faults.notAccepted += refused.count
        if accepted + refused.count != changes { tally.faults.unreadable += 1 }
        tally.counts.pushesAnswered += 1
        tally.counts.changesAccepted += accepted
        tally.lastAnswer = max(tally.lastAnswer, arrivedAt)
        if isInWindow {
            tally.counts.measuredPushes += 1
            tally.counts.measuredChanges += accepted
        }
        if flight.intended >= measureFrom, flight.intended < measureTo, !flight.isResent {
            tally.commit.record(arrivedAt &- min(arrivedAt, flight.intended))
        }
        sendMore(publisher)
    }
}
