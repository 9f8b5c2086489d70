internal import CarillonClient
internal import Wire

/// A pusher that a signal stops.
final class PushDriver: HubLinkDelegate {
    private let pusher: Pusher
    private(set) var wasStopped = false

    init(_ pusher: Pusher) {
        self.pusher = pusher
    }

    func linkOpened(_ link: HubLink, _ welcome: Welcome) { pusher.linkOpened(link, welcome) }
    func link(_ link: HubLink, answered answer: Pushed) { pusher.link(link, answered: answer) }
    func link(_ link: HubLink, failed error: ErrorFrame) { pusher.link(link, failed: error) }
    func link(_ link: HubLink, timer token: UInt64) { pusher.link(link, timer: token) }

    func link(_ link: HubLink, lost error: ClientError, retrySeconds: Double?) {
        pusher.link(link, lost: error, retrySeconds: retrySeconds)
    }

    func link(_ link: HubLink, note: any Sendable) {
        guard note is StopNote else {
            pusher.link(link, note: note)
            return
        }
        wasStopped = true
        link.finish()
    }
}
