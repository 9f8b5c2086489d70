/// What the process ends with. The numbers from 64 are sysexits.h's.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    case notAccepted = 1
    case usage = 64
    case badInput = 65
    case hubUnavailable = 69
    case commandFailed = 70
    case inputOutput = 74
    case temporary = 75
    case notAuthorised = 77

    var sentence: String {
        switch self {
        case .success: "all went well"
        case .notAccepted: "not accepted, not found, or different"
        case .usage: "the command line is wrong"
        case .badInput: "the input is not what it should be"
        case .hubUnavailable: "the hub cannot be reached, or is none"
        case .commandFailed: "the command of tail --exec failed each time it was tried"
        case .inputOutput: "a file or the store could not be read or written"
        case .temporary: "the hub cannot do it just now; try again"
        case .notAuthorised: "the API key is missing, unknown or revoked"
        }
    }

    /// For the root's help.
    static var table: String {
        allCases.map { status in
            let number = String(status.rawValue)
            return String(repeating: " ", count: 2 - number.count) + number + "  " + status.sentence
        }.joined(separator: "\n  ")
    }
}

/// Why a command ends early: what happened, what to do next, and the exit code.
struct CommandFailure: Error {
    var status: ExitStatus
    var sentence: String
    var remedy: String?

    init(_ status: ExitStatus, _ sentence: String, remedy: String? = nil) {
        self.status = status
        self.sentence = sentence
        self.remedy = remedy
    }
}
