internal import Compression

extension WebSocketMachine {
    /// What a failure says of a message that inflates to more than it may.
    public static var inflatedTooLarge: String { "message inflates too far" }

    /// The next header, or nil when the input ends inside it.
    mutating func readHeader() -> FrameHeader? {
        let rest = UnsafeRawBufferPointer(rebasing: input[position...])
        if partialHeaderCount == 0, rest.count >= 2, case let count = FrameHeader.count(second: rest[1]),
            count <= rest.count
        {
            position += count
            return FrameHeader(UnsafeRawBufferPointer(rebasing: rest[..<count]))
        }
        while position < input.count {
            partialHeader[partialHeaderCount] = input[position]
            partialHeaderCount += 1
            position += 1
            if partialHeaderCount >= 2, partialHeaderCount == FrameHeader.count(second: partialHeader[1]) {
                let count = partialHeaderCount
                partialHeaderCount = 0
                return withUnsafeBytes(of: partialHeader) {
                    FrameHeader(UnsafeRawBufferPointer(rebasing: $0[..<count]))
                }
            }
        }
        return nil
    }

    /// Checks a header and turns to its payload; returns the failure when it breaks a rule.
    mutating func begin(_ header: FrameHeader) -> WebSocketEvent? {
        // RFC 6455 5.2: "If an unknown opcode is received, the receiving endpoint MUST Fail".
        guard let opcode = Opcode(rawValue: header.opcodeBits) else {
            return fail(.protocolError, "reserved opcode")
        }
        // RFC 6455 5.2: RSV bits without an extension; RFC 7692 6.1: only on the first frame of a message.
        let allowed: ReservedBits = deflate != nil && (opcode == .text || opcode == .binary) ? .first : []
        guard header.reservedBits.isSubset(of: allowed) else { return fail(.protocolError, "reserved bit set") }
        // RFC 6455 5.1: a client masks, a server does not.
        switch (role, header.maskKey) {
        case (.server, .some), (.client, nil): break
        case (.server, nil): return fail(.protocolError, "frame not masked")
        case (.client, .some): return fail(.protocolError, "frame masked")
        }
        // RFC 6455 5.2: the minimal number of octets, and "the most significant bit MUST be 0".
        guard header.isMinimal, header.length >> 63 == 0 else { return fail(.protocolError, "invalid length") }
        let failure = opcode.isControl ? checkControl(header) : beginData(header, opcode)
        if let failure { return failure }
        frame = Frame(
            opcode: opcode, fin: header.fin, remaining: Int(header.length), maskKey: header.maskKey ?? 0)
        phase = .payload
        return nil
    }

    /// RFC 6455 5.5: at most 125 octets, and not fragmented.
    private mutating func checkControl(_ header: FrameHeader) -> WebSocketEvent? {
        guard header.fin else { return fail(.protocolError, "fragmented control frame") }
        guard header.length <= 125 else { return fail(.protocolError, "control frame too long") }
        return nil
    }

    private mutating func beginData(_ header: FrameHeader, _ opcode: Opcode) -> WebSocketEvent? {
        // RFC 6455 5.4: a continuation continues something; messages are not interleaved.
        if opcode == .continuation {
            guard message.kind != nil else { return fail(.protocolError, "nothing to continue") }
        } else {
            guard message.kind == nil else { return fail(.protocolError, "message within a message") }
            message = Message(kind: opcode == .text ? .text : .binary, isCompressed: header.reservedBits == .first)
        }
        message.fragments += 1
        // RFC 6455 10.4: limits on frames and on messages after reassembly.
        guard message.fragments <= limits.fragmentsMax else { return fail(.messageTooBig, "too many fragments") }
        guard header.length <= UInt64(clamping: limits.frameBytesMax) else {
            return fail(.messageTooBig, "frame too big")
        }
        guard header.length <= UInt64(clamping: limits.messageBytesMax - partialMessage.count) else {
            return fail(.messageTooBig, "message too big")
        }
        return nil
    }

    /// What has come of the payload, unmasked (RFC 6455 5.3).
    mutating func takePiece() -> UnsafeRawBufferPointer {
        let count = min(frame.remaining, input.count - position)
        let piece = UnsafeMutableRawBufferPointer(rebasing: input[position..<position + count])
        Mask.apply(key: frame.maskKey, offset: frame.maskOffset, to: piece)
        position += count
        frame.remaining -= count
        frame.maskOffset += count
        return UnsafeRawBufferPointer(piece)
    }

    mutating func acceptData(_ piece: UnsafeRawBufferPointer) -> WebSocketEvent? {
        let isText = message.kind == .text && !message.isCompressed
        // RFC 6455 8.1: not UTF-8 fails; at the first wrong octet, be the frame whole or not (Autobahn 6.4).
        if isText, !message.utf8.accept(piece) { return fail(.invalidPayload, "text is not UTF-8") }
        let isFrameWhole = frame.remaining == 0
        if isFrameWhole { phase = .header }
        guard isFrameWhole, frame.fin else {
            let expected = frame.fin ? partialMessage.count + piece.count + frame.remaining : .max
            partialMessage.append(piece, countExpected: expected)
            return nil
        }
        if isText, !message.utf8.isComplete { return fail(.invalidPayload, "text ends inside a character") }
        guard partialMessage.count > 0 else { return message.isCompressed ? inflate(piece) : delivery(of: piece) }
        partialMessage.append(piece, countExpected: partialMessage.count + piece.count)
        isMessageLent = true
        return message.isCompressed ? inflate(partialMessage.bytes) : delivery(of: partialMessage.bytes)
    }

    /// RFC 7692 6.2: what the frames of a compressed message hold is inflated, and then is the message.
    private mutating func inflate(_ payload: UnsafeRawBufferPointer) -> WebSocketEvent {
        guard let deflate, let shared else { return fail(.internalError, "no stream to inflate with") }
        let bound = InflateBound(
            bytesMax: limits.messageBytesMax, ratioMax: limits.inflateRatioMax,
            freeBytes: max(limits.inflateFreeBytes - inflateSpentBytes, 0))
        let isText = message.kind == .text
        var inflated = PayloadBuffer()
        var utf8 = UTF8Validator()
        var isValid = true
        do throws(CompressionError) {
            if deflate.takesOver(role == .server ? .client : .server), ownInflater == nil {
                ownInflater = try Inflater(.deflate(windowBits: 15))
            }
            try shared.inflate(payload, by: ownInflater, within: bound) { piece in
                if isText, isValid { isValid = utf8.accept(piece) }
                inflated.append(piece, countExpected: bound.bytesMax)
            }
        } catch {
            switch error {
            case .tooLarge, .tooDense: return fail(.messageTooBig, Self.inflatedTooLarge)
            case .invalid: return fail(.invalidPayload, "message is not DEFLATE")
            case .outOfMemory, .windowUnsupported: return fail(.internalError, "no stream to inflate with")
            }
        }
        guard isValid else { return fail(.invalidPayload, "text is not UTF-8") }
        guard utf8.isComplete else { return fail(.invalidPayload, "text ends inside a character") }
        let excess = max(bound.excess(made: inflated.count, of: payload.count), -limits.inflateFreeBytes)
        inflateSpentBytes = max(inflateSpentBytes + excess, 0)
        inflatedMessage = inflated
        isMessageLent = true
        return delivery(of: inflatedMessage.bytes)
    }

    private mutating func delivery(of payload: UnsafeRawBufferPointer) -> WebSocketEvent {
        let kind = message.kind
        message.kind = nil
        return kind == .text ? .text(payload) : .binary(payload)
    }

    mutating func acceptControl(_ piece: UnsafeRawBufferPointer) -> WebSocketEvent? {
        var payload = piece
        if frame.remaining > 0 || partialControl.count > 0 {
            partialControl.append(piece, countExpected: partialControl.count + piece.count + frame.remaining)
            guard frame.remaining == 0 else { return nil }
            isControlLent = true
            payload = partialControl.bytes
        }
        phase = .header
        switch frame.opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        case .close, .continuation, .text, .binary: return acceptClose(payload)
        }
    }

    /// RFC 6455 5.5.1: nothing, or a code of two octets and a reason in UTF-8.
    private mutating func acceptClose(_ payload: UnsafeRawBufferPointer) -> WebSocketEvent {
        if payload.isEmpty { return close(nil, reason: "") }
        guard payload.count >= 2 else { return fail(.protocolError, "close code cut short") }
        let code = CloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        // RFC 6455 7.4.1: reserved codes "MUST NOT be set as a status code in a Close control frame".
        guard code.mayBeSent else { return fail(.protocolError, "invalid close code") }
        let reason = UnsafeRawBufferPointer(rebasing: payload[2...])
        var utf8 = UTF8Validator()
        guard utf8.accept(reason), utf8.isComplete else {
            return fail(.invalidPayload, "close reason is not UTF-8")
        }
        return close(code, reason: String(decoding: reason, as: UTF8.self))
    }

    private mutating func close(_ code: CloseCode?, reason: String) -> WebSocketEvent {
        isCloseReceived = true
        phase = .ended
        partialMessage.release()
        return .close(code, reason: reason)
    }
}
