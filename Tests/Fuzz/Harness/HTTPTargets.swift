internal import HTTP
internal import HTTPTypes
internal import WebSocket

/// Small bounds, so that inputs of a few hundred bytes reach them.
private var smallLimits: HTTPLimits {
    var limits = HTTPLimits()
    limits.requestLineBytesMax = 256
    limits.headBytesMax = 1024
    limits.fieldCountMax = 16
    limits.bodyBytesMax = 512
    limits.chunkExtensionBytesMax = 32
    limits.trailerBytesMax = 64
    return limits
}

/// What a parser said; runs of a body are joined, for how they came must not show.
private enum Said: Equatable {
    case head(String)
    case expectContinue
    case body([UInt8])
    case end
    case failed(HTTPError)
}

private struct Transcript: Equatable {
    var events: [Said] = []

    mutating func append(body: UnsafeRawBufferPointer) {
        if case .body(let before) = events.last {
            events[events.count - 1] = .body(before + body)
        } else {
            events.append(.body(Array(body)))
        }
    }
}

/// Requests: cut anyhow, the same events; a head that is written again is read as the same head.
func httpRequest(_ bytes: UnsafeRawBufferPointer) {
    for limits in [HTTPLimits(), smallLimits] {
        let whole = requests(bytes, .whole, limits)
        for cutting in [Cutting.random, .bytewise] {
            let cut = requests(bytes, cutting, limits)
            require(cut == whole, "cut \(cutting): \(cut)\nat once: \(whole)")
        }
        checkOrder(whole, limits)
    }
}

private func requests(_ bytes: UnsafeRawBufferPointer, _ cutting: Cutting, _ limits: HTTPLimits) -> Transcript {
    var parser = RequestParser(limits: limits)
    var transcript = Transcript()
    for piece in cutting.pieces(of: bytes) {
        let goesOn = withOwnMemory(piece) { memory in
            parser.receive(UnsafeRawBufferPointer(memory))
            do throws(HTTPError) {
                while let event = try parser.next() {
                    switch event {
                    case .head(let head):
                        transcript.events.append(.head(describe(head)))
                        checkHandshake(head)
                        if cutting == .whole { checkRewritten(head, limits) }
                    case .expectContinue: transcript.events.append(.expectContinue)
                    case .body(let run): transcript.append(body: run)
                    case .end: transcript.events.append(.end)
                    }
                }
                return true
            } catch {
                transcript.events.append(.failed(error))
                return false
            }
        }
        if !goesOn { break }
    }
    return transcript
}

/// head, expectContinue?, body?, end, and a body within its bound.
private func checkOrder(_ transcript: Transcript, _ limits: HTTPLimits) {
    var isInMessage = false
    for event in transcript.events {
        switch event {
        case .head:
            require(!isInMessage, "a head within a message: \(transcript)")
            isInMessage = true
        case .expectContinue: require(isInMessage, "100 outside of a message")
        case .body(let body):
            require(isInMessage, "a body outside of a message")
            require(body.count <= limits.bodyBytesMax, "a body of \(body.count) bytes")
        case .end:
            require(isInMessage, "an end outside of a message")
            isInMessage = false
        case .failed: break
        }
    }
}

/// A consent is only given to what asked for one.
private func checkHandshake(_ head: RequestHead) {
    guard (try? Handshake.answer(to: head, subprotocols: ["carillon.v1"])) != nil else { return }
    require(Handshake.isRequested(by: head), "a WebSocket was granted that nobody asked for")
}

private func checkRewritten(_ head: RequestHead, _ limits: HTTPLimits) {
    let framing: Set<String> = ["content-length", "transfer-encoding", "expect"]
    let fields = head.request.headerFields.map { ($0.name.rawName, $0.value) }
        .filter { !framing.contains($0.0.lowercased()) }
    var target = head.path
    if let query = head.query { target += "?" + query }
    var bytes: [UInt8] = []
    let isWritten = RequestWriter.append(
        method: head.request.method.rawValue, target: target, fields: fields, body: nil, into: &bytes)
    require(isWritten, "what was read cannot be written: \(describe(head))")
    guard !head.isHTTP10, bytes.count <= limits.headBytesMax else { return }
    var parser = RequestParser(limits: limits)
    bytes.withUnsafeBytes { raw in
        parser.receive(raw)
        do throws(HTTPError) {
            guard case .head(let again)? = try parser.next() else {
                return require(false, "no head of what was written: \(String(decoding: raw, as: UTF8.self))")
            }
            require(again.path == head.path && again.query == head.query, "\(again.path) is not \(head.path)")
            require(again.request.method == head.request.method, "another method")
            require(again.keepAlive == head.keepAlive, "another keep-alive")
            let told = again.request.headerFields.map { "\($0.name.rawName)=\($0.value)" }
            require(told == fields.map { "\($0.0)=\($0.1)" }, "\(told) and not \(fields)")
        } catch {
            // An absolute target names its authority, and Host may be left out then by nobody.
            require(error == .hostInvalid || error == .hostMissing, "written and refused: \(error)")
        }
    }
}

private func describe(_ head: RequestHead) -> String {
    let fields = head.request.headerFields.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
    return "\(head.request.method) \(head.path) ?\(head.query ?? "-") @\(head.request.authority ?? "-") "
        + "\(head.keepAlive) \(head.isHTTP10) \(fields)"
}

/// Responses: cut anyhow, the same events, for each method that changes how they are read.
func httpResponse(_ bytes: UnsafeRawBufferPointer) {
    for method in [HTTPRequest.Method.get, .head] {
        let whole = responses(bytes, .whole, method)
        for cutting in [Cutting.random, .bytewise] {
            let cut = responses(bytes, cutting, method)
            require(cut == whole, "cut \(cutting): \(cut)\nat once: \(whole)")
        }
        checkOrder(whole, smallLimits)
    }
}

private func responses(
    _ bytes: UnsafeRawBufferPointer, _ cutting: Cutting, _ method: HTTPRequest.Method
) -> Transcript {
    var parser = ResponseParser(limits: smallLimits, requestMethod: method)
    var transcript = Transcript()
    func drain(_ parser: inout ResponseParser) throws(HTTPError) {
        while let event = try parser.next() {
            switch event {
            case .head(let head):
                transcript.events.append(.head("\(head.status) \(head.keepAlive) \(head.fields)"))
                _ = try? Handshake.check(head, key: "dGhlIHNhbXBsZSBub25jZQ==", subprotocols: ["carillon.v1"])
            case .body(let run): transcript.append(body: run)
            case .end: transcript.events.append(.end)
            }
        }
    }
    for piece in cutting.pieces(of: bytes) {
        let goesOn = withOwnMemory(piece) { memory in
            parser.receive(UnsafeRawBufferPointer(memory))
            do throws(HTTPError) {
                try drain(&parser)
                return true
            } catch {
                transcript.events.append(.failed(error))
                return false
            }
        }
        if !goesOn { return transcript }
    }
    do throws(HTTPError) {
        parser.receive(UnsafeRawBufferPointer(start: nil, count: 0))
        try parser.finish()
        try drain(&parser)
    } catch {
        transcript.events.append(.failed(error))
    }
    return transcript
}
