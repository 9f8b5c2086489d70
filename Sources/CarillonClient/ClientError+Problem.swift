internal import Foundation
internal import Wire

extension ClientError {
    private struct ProblemBody: Decodable {
        var title: String?
        var detail: String?
        var code: String?
        var remedy: String?
        var retryable: Bool?
        var retry_after_ms: Int?
    }

    /// Problem details (RFC 9457), or any other answer that is no success.
    init(status: Int, body: [UInt8], url: HubURL) {
        guard let problem = try? JSONDecoder().decode(ProblemBody.self, from: Data(body)), let code = problem.code
        else {
            self = .notHub(url, "it answered \(status) without problem details.")
            // A proxy in front of a hub that restarts answers so.
            if status == 502 || status == 503 || status == 504 { (cause, mayRetry) = (.temporary, true) }
            return
        }
        let known = ErrorCode(rawValue: code)
        let cause = known.map(ClientError.cause(of:)) ?? (problem.retryable == true ? .temporary : .refused)
        self.init(
            cause, problem.detail ?? problem.title ?? "the hub answered \(status)", code: code,
            remedy: problem.remedy, retryAfterMs: problem.retry_after_ms, mayRetry: problem.retryable)
    }
}
