internal import Compression
internal import HTTP
internal import HTTPTypes
internal import Wire

/// Bodies of requests that come as gzip: inflated as they come, within the same bound as any, so that a bomb costs no
/// more than a long body does.
extension HubShard {
    /// What an inflater holds while a body comes: counted as so many bytes of the body.
    private static let inflaterBytes = 64 << 10

    /// False, and it is answered, where the coding is none that is known (RFC 9110 15.5.16, RFC 7694 3).
    func beginCoding(_ head: RequestHead, _ connection: Connection, _ http: HTTPExchange) -> Bool {
        switch ContentCoding.ofRequest(head.field(.contentEncoding)) {
        case .identity: return true
        case .gzip:
            // A head alone makes an inflater: so many as there is room for.
            guard requestBodyBytes + Self.inflaterBytes <= core.limits.requestBodiesBytesMax,
                let inflater = try? Inflater(.gzip)
            else {
                core.count(.inputFull, connection.logMetadata)
                answerRequest(connection, refusal(.overloaded(retryAfterMs: 1_000), http), isLast: true)
                return false
            }
            let bytesMax = http.match?.route.bodyBytesMax ?? core.limits.requestBodyBytesMax
            inflater.begin(within: InflateBound(bytesMax: bytesMax))
            http.inflater = inflater
            requestBodyBytes += Self.inflaterBytes
            return true
        case .unknown:
            let detail = "the body's Content-Encoding is not known here: send it as gzip, or as it is"
            var answer: RESTAnswer
            if let dialect = http.match?.dialect {
                answer = RESTAnswer(dialect.answer(to: .badRequest(detail)))
                answer.status = 415
            } else {
                var problem = Problem(code: .badRequest, detail: detail)
                problem.status = 415
                answer = RESTAnswer(problem)
            }
            answer.fields.append(("Accept-Encoding", "gzip"))
            answerRequest(connection, answer, isLast: true)
            return false
        }
    }

    func takeCodedBody(
        _ bytes: UnsafeRawBufferPointer, _ connection: Connection, _ http: HTTPExchange
    ) throws(HTTPError) {
        guard let inflater = http.inflater else { return takeBody(bytes, connection, http) }
        do throws(CompressionError) {
            try inflater.inflate(bytes) { piece in
                // It may have been refused at the piece before.
                if connection.phase == .http, http.inflater != nil { takeBody(piece, connection, http) }
            }
        } catch {
            // It has its answer: what is wrong behind that is for nobody.
            guard connection.phase == .http, http.inflater != nil else { return }
            switch error {
            case .tooLarge, .tooDense: throw .bodyTooLarge
            case .invalid, .outOfMemory, .windowUnsupported: throw .contentCodingInvalid
            }
        }
    }

    /// A body that ends inside its last member, or has anything behind it, is not whole.
    func endCodedBody(_ http: HTTPExchange) throws(HTTPError) {
        guard let inflater = http.inflater else { return }
        guard inflater.isWhole else { throw .contentCodingInvalid }
        dropInflater(http)
    }

    func dropInflater(_ http: HTTPExchange) {
        guard http.inflater != nil else { return }
        http.inflater = nil
        requestBodyBytes -= Self.inflaterBytes
    }
}
