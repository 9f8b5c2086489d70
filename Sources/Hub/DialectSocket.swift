public import Causality

/// A WebSocket that tells a dialect's client of changes: from now on, and not of those that were.
public struct DialectSocket: Sendable {
    public var account: DialectAccount
    /// Whose changes are told, with what `account` may see of them.
    public var spaces: [Identifier]
    /// Only these kinds and namespaces; empty means all.
    public var kinds: [Identifier]
    public var namespaces: [Identifier]
    /// The first message.
    public var greeting: [UInt8]?
    /// What is sent after as many seconds of silence.
    public var idle: (seconds: Int, message: [UInt8])?
    /// What a text of the client is answered with, if anything: on the event loop, so it must not block. Nil: what it
    /// says is passed over.
    public var reply: (@Sendable ([UInt8]) -> [UInt8]?)?
    /// The messages that tell of one commit. A commit that is not known in detail is told as
    /// none. On the event loop, so it must not block.
    public var messages: @Sendable ([DialectNotice]) -> [[UInt8]]

    public init(
        account: DialectAccount, spaces: [Identifier], kinds: [Identifier] = [], namespaces: [Identifier] = [],
        greeting: [UInt8]? = nil, idle: (seconds: Int, message: [UInt8])? = nil,
        reply: (@Sendable ([UInt8]) -> [UInt8]?)? = nil,
        messages: @escaping @Sendable ([DialectNotice]) -> [[UInt8]]
    ) {
        self.account = account
        self.spaces = spaces
        self.kinds = kinds
        self.namespaces = namespaces
        self.greeting = greeting
        self.idle = idle
        self.reply = reply
        self.messages = messages
    }
}

/// A change that somebody is told of.
public struct DialectNotice: Sendable {
    public let space: Identifier
    public let position: Position
    /// The device that pushed it, as the log names it.
    public let author: Identifier
    public let kind: Identifier
    public let namespace: Identifier
    public let isFirstVersion: Bool
    public let isDeleted: Bool
    public let isSibling: Bool
}
