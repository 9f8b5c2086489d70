internal import Causality
internal import Storage

/// From where on each space is read for a request.
struct Vantage {
    /// Behind which a space counts as read: those that are missing are read from their beginning.
    var places: [Identifier: Position]
    /// The device's own changes up to here are not told to it: it has got an answer since it made them. Beyond, its
    /// push's answer got lost, or it was brought back to an earlier state.
    var knowsItselfUpTo: Position

    /// What may lie between the order of a foreign space's commits and the number of an answer that is not noted.
    private static let marginMicroseconds: Int64 = 600_000_000

    static let start = Vantage(places: [:], knowsItselfUpTo: .start)

    init(places: [Identifier: Position], knowsItselfUpTo: Position) {
        self.places = places
        self.knowsItselfUpTo = knowsItselfUpTo
    }

    /// - Parameters:
    ///   - since: the client's; nil, and what is not after 1970, means from the beginning.
    ///   - offset: `next_offset` of an earlier answer, 0 for none.
    init(since: Int64?, offset: Int64, _ delivered: Delivered?, scope: String, _ reach: Reach) {
        let since = max(since ?? 0, 0)
        let known = Position(min(since, Position.max.microseconds))
        if offset > 0 {
            if let answer = delivered?.exact(offset, scope: scope) {
                self.init(places: answer.places, knowsItselfUpTo: known)
            } else {
                self.init(places: Vantage.guess(offset, nil, reach), knowsItselfUpTo: known)
            }
            return
        }
        guard since > 0, let delivered, let lowest = delivered.lowest(scope: scope) else {
            self.init(places: [:], knowsItselfUpTo: known)
            return
        }
        let places = delivered.answer(to: since, scope: scope)?.places ?? Vantage.guess(since, lowest.places, reach)
        self.init(places: places, knowsItselfUpTo: known)
    }

    /// Where a number that is not noted stands: never past what was delivered.
    private static func guess(
        _ number: Int64, _ bounds: [Identifier: Position]?, _ reach: Reach
    ) -> [Identifier: Position] {
        var places: [Identifier: Position] = [:]
        for space in reach.all {
            let margin = space == reach.user.space ? 0 : marginMicroseconds
            let place = Position(min(max(number - margin, 0), Position.max.microseconds))
            places[space] = bounds.map { min(place, $0[space] ?? .start) } ?? place
        }
        return places
    }
}
