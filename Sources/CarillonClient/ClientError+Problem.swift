internal import Foundation
internal import Wire

extension ClientError {
    private struct ProblemBody: Decodable {
        var title: String?
        var detail: String?
        var code: String?
        var remedy: String?
        var retryable: Bool?
        var retryAfterMs: Int?
    }

    /// Problem details (RFC 9457), or any other answer that is no success.
    init(status: Int, body: [UInt8], url: HubURL) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let problem = try? decoder.decode(ProblemBody.self, from: Data(body)), let code = problem.code
        else {
            self = .notHub(url, "it answered \(status) without problem details.")
            // A proxy in front of a hub that restarts answers so.
            if status == 429 || status == 502 || status == 503 || status == 504 {
                (cause, mayRetry) = (.temporary, true)
            }
            return
        }
        let known = ErrorCode(rawValue: code)
        let cause = known.map(ClientError.cause(of:)) ?? (problem.retryable == true ? .temporary : .refused)
        self.init(
            cause, problem.detail ?? problem.title ?? "the hub answered \(status)", code: code,
            remedy: problem.remedy, retryAfterMs: problem.retryAfterMs, mayRetry: problem.retryable)
    }
}
