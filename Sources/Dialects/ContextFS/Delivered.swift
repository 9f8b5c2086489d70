internal import Causality
internal import Storage

/// What a device was given, kept as a note of the device: for each of its last answers the number that it was told, and
/// how far that answer went in each space.
///
/// The client has one number (`server_timestamp`), which a push's answer moves too, and several spaces. So its number
/// only says which answers it has got: the newest one told with no larger number counts. An answer that got lost is not
/// among them, for the client comes again with an older number.
struct Delivered {
    struct Answer: Equatable {
        /// Which namespaces were asked for.
        var scope: String
        var number: Int64
        var places: [Identifier: Position]
    }

    static let name = "contextfs"
    /// Answers that are kept of one scope, and of all: a client that pages through with the same `since` needs few.
    static let perScopeMax = 6
    static let countMax = 24
    static let everything = "*"

    private(set) var answers: [Answer] = []

    /// The last answer that whoever comes with `number` has got.
    func answer(to number: Int64, scope: String) -> Answer? {
        answers.filter { $0.scope == scope && $0.number <= number }.max { $0.number < $1.number }
    }

    func exact(_ number: Int64, scope: String) -> Answer? {
        answers.last { $0.scope == scope && $0.number == number }
    }

    func lowest(scope: String) -> Answer? {
        answers.filter { $0.scope == scope }.min { $0.number < $1.number }
    }

    func highest(scope: String) -> Answer? { answer(to: .max, scope: scope) }

    /// Notes an answer and returns its number: `number`, or the next one that tells nothing else.
    mutating func add(_ places: [Identifier: Position], number: Int64, scope: String) -> Int64 {
        var number = number
        while let same = exact(number, scope: scope) {
            if same.places == places { return number }
            number += 1
        }
        answers.append(Answer(scope: scope, number: number, places: places))
        let inScope = answers.indices.filter { answers[$0].scope == scope }
        // In the order in which they were told: pages from the beginning have small numbers, and are the newest.
        if inScope.count > Delivered.perScopeMax { answers.remove(at: inScope[0]) }
        if answers.count > Delivered.countMax { answers.removeFirst() }
        return number
    }

    /// Forgets the answers that whoever says `number` did not get. False where there are none.
    mutating func forget(after number: Int64) -> Bool {
        let count = answers.count
        answers.removeAll { $0.number > number }
        return answers.count < count
    }
}

extension Delivered {
    /// A line for each answer: scope, number, then `space=position`, all apart by spaces. No name of a space holds one:
    /// the hub makes them.
    init(_ note: [UInt8]) {
        for line in String(decoding: note, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard parts.count >= 2, let number = Int64(parts[1]) else { continue }
            var places: [Identifier: Position] = [:]
            for part in parts.dropFirst(2) {
                let pair = part.split(separator: "=")
                guard pair.count == 2, let position = Int64(pair[1]) else { continue }
                places[Identifier(unchecked: String(pair[0]))] = Position(position)
            }
            answers.append(Answer(scope: String(parts[0]), number: number, places: places))
        }
    }

    var note: [UInt8] {
        var lines: [[UInt8]] = []
        var bytes = 0
        // Newest first, as many as fit; of one that does not, the spaces that do: the others are delivered again.
        for answer in answers.reversed() {
            var line = Array("\(answer.scope) \(answer.number)".utf8)
            for (space, position) in answer.places {
                let part = Array(" \(space)=\(position)".utf8)
                guard bytes + line.count + part.count < DeviceNote.bytesMax else { break }
                line += part
            }
            guard bytes + line.count < DeviceNote.bytesMax else { break }
            bytes += line.count + 1
            lines.append(line)
        }
        return Array(lines.reversed().joined(separator: [UInt8(ascii: "\n")]))
    }
}
