internal import ArgumentParser
internal import CarillonClient
internal import Cryptography
internal import Foundation
internal import Reactor

/// How lines are pushed, by push and by import.
struct PushOptions: ParsableArguments {
    @OptionGroup var device: DeviceOption
    @Option(help: ArgumentHelp("Changes in one push, at most 10,000.", valueName: "n"))
    var batch = 500
    @Flag(help: "Print the items that were not accepted, and the counts, as NDJSON.")
    var json = false
    @OptionGroup var link: LinkOptions
    @Flag(help: "Wait for the hub as long as it takes, where it is away or cannot take changes.")
    var wait = false

    func validate() throws {
        guard (1...10_000).contains(batch) else { throw ValidationError("--batch is a number from 1 to 10000.") }
    }

    func pusher(_ configuration: Pusher.Configuration = .init()) -> Pusher {
        var configuration = configuration
        if wait { (configuration.triesMax, configuration.connectsMax, configuration.reconnectsMax) = (nil, nil, nil) }
        return Pusher(configuration, session: Digest.hex(Secret.random(count: 6)), now: { Clock.now })
    }

    /// Pushes what `read` posts, to its end; whether a signal ended it.
    func run(
        _ pusher: Pusher, _ hub: SpaceOptions, read: @escaping @Sendable (LoopAddress<HubLink.Mail>) -> Void
    ) throws -> Bool {
        var configuration = try hub.link(device)
        link.fill(&configuration)
        configuration.isLive = false
        let driver = PushDriver(pusher)
        try LinkSession.run(configuration, delegate: driver) { address in
            Thread.detachNewThread { read(address) }
        }
        return driver.wasStopped
    }

    /// Why the push ended early; nil where all lines have their verdict.
    static func failure(of pusher: Pusher) -> CommandFailure? {
        guard let failure = pusher.failure else { return nil }
        var told = CommandFailure(failure)
        // Some of it is on the hub: what is left is worth another try.
        if told.status == .hubUnavailable, pusher.tally.total > 0 { told.status = .temporary }
        return told
    }
}
