internal import ArgumentParser
internal import Causality

/// Names on the command line.
enum Names {
    static func identifier(_ text: String, _ what: String) throws -> Identifier {
        do throws(IdentifierError) {
            return try Identifier(text)
        } catch {
            throw ValidationError("\"\(text)\" cannot be a \(what): \(error.sentence).")
        }
    }
}
