internal import ArgumentParser

/// What somebody may have meant who typed a command that is none. ArgumentParser does so for options.
enum Suggestion {
    /// The nearest command, by two edits at most; nil where `word` is a command, an option, or near none.
    static func of(_ word: String) -> String? {
        var names: [String] = []
        for group in Carillon.configuration.groupedSubcommands {
            // Not by a key path: that crashes the compiler of Swift 6.3 on a metatype.
            for command in group.subcommands { names.append(command.configuration.commandName ?? "") }
        }
        guard !word.hasPrefix("-"), word.count <= 20, !names.contains(word), word != "help" else { return nil }
        let near = names.map { (name: $0, distance: distance(Array(word), Array($0))) }.min {
            $0.distance < $1.distance
        }
        return near.flatMap { $0.distance <= 2 && $0.distance < word.count ? $0.name : nil }
    }

    /// Characters to insert, remove, replace or swap with their neighbour (optimal string alignment).
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var before: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var next = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(last[column] + (letter == other ? 0 : 1), last[column + 1] + 1, next[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    cost = min(cost, before[column - 1] + 1)
                }
                next.append(cost)
            }
            (before, last) = (last, next)
        }
        return last[right.count]
    }
}
