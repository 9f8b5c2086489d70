internal import Causality
public import Wire

/// The chain of a subscription: every frame begins where the one before ended, or something was lost.
public struct CursorChain: Sendable {
    public enum Step: Sendable, Equatable {
        case next
        /// The frame begins elsewhere than at `expected`. Nothing of it may be used.
        case gap(expected: Cursor?, found: Cursor?)
    }

    /// Up to where all was heard; nil before the log's beginning.
    public private(set) var cursor: Cursor?

    public init(at cursor: Cursor?) {
        self.cursor = cursor
    }

    /// The chain begins anew, from the log's beginning.
    public mutating func reset() { cursor = nil }

    /// Takes the ends of a frame. Only a `synced` frame may leave `after` out, where the chain begins anew.
    public mutating func advance(after: Cursor?, upTo: Cursor) -> Step {
        switch (cursor, after) {
        case (_, nil): break
        case (nil, .some(let after)):
            guard after.position == .start else { return .gap(expected: nil, found: after) }
        case (.some(let cursor), .some(let after)):
            guard cursor == after else { return .gap(expected: cursor, found: after) }
        }
        cursor = upTo
        return .next
    }
}
