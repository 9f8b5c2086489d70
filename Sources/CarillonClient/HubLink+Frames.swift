internal import Causality
internal import Reactor
internal import WebSocket
internal import Wire

/// WebSocket messages in, typed calls out.
extension HubLink {
    func readFrames(_ bytes: UnsafeMutableRawBufferPointer) {
        machine?.receive(bytes)
        while let event = machine?.next() {
            take(event)
            guard phase == .greeting || phase == .open else { return }
        }
    }

    private func take(_ event: WebSocketEvent) {
        switch event {
        case .text(let payload): readFrame([UInt8](payload))
        case .binary: lose(.notHub(configuration.url, "it sent a binary message."))
        case .ping(let payload): write { $0.appendPong(payload, into: &$1) }
        case .pong: break
        case .close(let code, let reason):
            write { $0.appendClose(code, into: &$1) }
            closedByPeer(code?.rawValue, reason)
        case .failed(let code, let reason):
            write { $0.appendClose(code, reason: reason, into: &$1) }
            lose(.notHub(configuration.url, "it broke the WebSocket protocol: \(reason)."))
        }
    }

    private func closedByPeer(_ code: UInt16?, _ reason: String) {
        let mayRetry = code.map { ErrorCode.mayReconnect(afterClose: $0) } ?? true
        let number = code.map { " (close code \($0))" } ?? ""
        let told = reason.isEmpty ? "" : ": \(reason)"
        let error = ClientError(
            mayRetry ? .unreachable : .refused, "The hub ended the session\(number)\(told).", mayRetry: mayRetry)
        lose(error, askedMs: askedMs)
    }

    private func readFrame(_ bytes: [UInt8]) {
        let frame: HubFrame
        do throws(FrameError) {
            frame = try HubFrame.decode(bytes, limits: limits)
        } catch {
            // A later hub may say more than we know.
            if error.code != .unknownFrame { lose(.notHub(configuration.url, error.message)) }
            return
        }
        switch frame {
        case .welcome(let welcome): welcomed(welcome)
        case .pushed(let answer): delegate.link(self, answered: answer)
        case .changes(let changes):
            if follow(changes.after, changes.upTo) {
                delegate.link(self, heard: changes.changes, upTo: changes.upTo)
            }
        case .conflict(let conflict):
            if follow(conflict.after, conflict.upTo) {
                delegate.link(self, heard: [conflict.change], upTo: conflict.upTo)
            }
        case .synced(let synced):
            if follow(synced.after, synced.cursor) { delegate.link(self, syncedTo: synced.cursor) }
        case .pong: break
        case .error(let error): failed(error)
        case .bye(let bye):
            let error = ClientError(.temporary, "The hub says bye: \(bye.reason.sentence)", code: bye.reason.rawValue)
            lose(error, askedMs: bye.reconnectAfterMs)
        }
    }

    private func welcomed(_ welcome: Welcome) {
        guard phase == .greeting else { return }
        limits = welcome.limits
        phase = .open
        wasOpen = true
        openedAt = loop.now
        if isPaused, let connection { loop.pauseReading(connection) }
        delegate.linkOpened(self, welcome)
    }

    /// Whether the frame continues the chain. Where it does not, the session ends and the next one resumes.
    private func follow(_ after: Cursor?, _ upTo: Cursor) -> Bool {
        switch chain.advance(after: after, upTo: upTo) {
        case .next: return true
        case .gap(let expected, let found):
            let places = "expected \(expected?.text ?? "the beginning"), found \(found?.text ?? "none")"
            lose(ClientError(.temporary, "There is a gap in what the hub sent (\(places)): reading again from there."))
            return false
        }
    }

    private func failed(_ error: ErrorFrame) {
        if error.code == .resync {
            chain.reset()
            delegate.linkRestarted(self)
            if phase != .ended { lose(ClientError(error)) }
            return
        }
        // Before the welcome every error is about the hello: the same one would meet the same answer.
        if phase == .greeting {
            var told = ClientError(error)
            if error.code.closeCode == nil { told.mayRetry = error.code.isRetryable }
            lose(told)
        } else if error.isFatal {
            lose(ClientError(error))
        } else {
            askedMs = error.retryAfterMs
            delegate.link(self, failed: error)
        }
    }
}
