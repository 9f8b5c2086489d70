public import Causality
public import Wire

/// What a link tells, on the loop's thread, in the order in which it came.
public protocol HubLinkDelegate: AnyObject {
    /// A session stands. Pushes that were not answered before are to be sent again, as they were.
    func linkOpened(_ link: HubLink, _ welcome: Welcome)
    /// Heads and siblings of the log, in its order. When this returns, `cursor` is where the next session resumes.
    func link(_ link: HubLink, heard entries: [LogEntry], upTo cursor: Cursor)
    /// Nothing more up to `cursor`: the end of the catch-up, or changes that are not for this device.
    func link(_ link: HubLink, syncedTo cursor: Cursor)
    func link(_ link: HubLink, answered answer: Pushed)
    /// An error that does not end the session.
    func link(_ link: HubLink, failed error: ErrorFrame)
    /// The log does not reach back to our cursor: reading begins at its beginning.
    func linkRestarted(_ link: HubLink)
    /// The session, or the try, ended. The next try comes in `retrySeconds`; nil: there is none, and the loop ends.
    func link(_ link: HubLink, lost error: ClientError, retrySeconds: Double?)
    /// What another thread sent by `HubLink.Mail.note`.
    func link(_ link: HubLink, note: any Sendable)
    func link(_ link: HubLink, timer token: UInt64)
}

extension HubLinkDelegate {
    public func link(_ link: HubLink, heard entries: [LogEntry], upTo cursor: Cursor) {}
    public func link(_ link: HubLink, syncedTo cursor: Cursor) {}
    public func link(_ link: HubLink, answered answer: Pushed) {}
    public func link(_ link: HubLink, failed error: ErrorFrame) {}
    public func linkRestarted(_ link: HubLink) {}
    public func link(_ link: HubLink, note: any Sendable) {}
    public func link(_ link: HubLink, timer token: UInt64) {}
}
