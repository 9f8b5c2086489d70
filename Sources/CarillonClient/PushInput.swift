public import Causality

/// Lines of NDJSON on their way from whoever reads them to the link's thread.
public struct PushInput: Sendable {
    public struct Line: Sendable {
        /// From 1.
        public var number: Int
        public var text: LineReader.Line
        /// Of the version that a line without a clock is an edit of.
        public var base: VectorClock

        public init(number: Int, text: LineReader.Line, base: VectorClock = VectorClock()) {
            self.number = number
            self.text = text
            self.base = base
        }
    }

    public var lines: [Line]
    /// How far the input has been read behind these lines.
    public var bytesTaken: Int

    public init(lines: [Line], bytesTaken: Int) {
        self.lines = lines
        self.bytesTaken = bytesTaken
    }
}

/// What a reader tells a ``Pusher``, as notes to its link.
public enum PushNote: Sendable {
    case input(PushInput)
    case ended
    /// The input could not be read to its end; what was read is pushed all the same.
    case failed(String)
    /// The hub did not tell what it holds; nothing more is pushed.
    case refused(ClientError)
}
