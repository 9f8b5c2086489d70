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
}
