internal import ArgumentParser
internal import Causality

/// What of the log is wanted.
struct FilterOptions: ParsableArguments {
    @Option(
        name: .customLong("kind"), help: "Only this kind; may be repeated.",
        transform: { try Names.identifier($0, "kind") })
    var kinds: [Identifier] = []
    @Option(
        name: .customLong("namespace"), help: "Only this namespace; may be repeated.",
        transform: { try Names.identifier($0, "namespace") })
    var namespaces: [Identifier] = []

    /// For the routes whose lists are separated by commas. A name that holds one cannot stand in such a list, so all is
    /// asked for and ``admits(_:)`` chooses.
    var query: [(String, String)] {
        [("kinds", kinds), ("namespaces", namespaces)].compactMap { name, names in
            let isListable = !names.isEmpty && names.allSatisfy { !$0.text.contains(",") }
            return isListable ? (name, names.map(\.text).joined(separator: ",")) : nil
        }
    }

    /// Whether a route that was asked by ``query`` told all that matches, and nothing else.
    var isExact: Bool { (kinds + namespaces).allSatisfy { !$0.text.contains(",") } }

    func admits(_ change: Change) -> Bool {
        (kinds.isEmpty || kinds.contains(change.kind)) && (namespaces.isEmpty || namespaces.contains(change.namespace))
    }
}
