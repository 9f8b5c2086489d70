internal import CarillonClient
internal import Foundation
internal import Reactor
internal import Wire

/// SIGINT or SIGTERM came.
struct StopNote: Sendable {}

/// A command's link to the hub, which a signal stops.
enum LinkSession {
    /// Runs to the link's end. The first SIGINT or SIGTERM comes to `delegate` as a ``StopNote``, a second one ends the
    /// process.
    ///
    /// - Parameters:
    ///   - atOnce: what there is to do even then.
    ///   - ready: called on the link's thread, before anything else.
    static func run(
        _ configuration: HubLinkConfiguration, from start: Cursor? = nil, delegate: any HubLinkDelegate,
        atOnce: @escaping @Sendable () -> Void = {}, ready: (LoopAddress<HubLink.Mail>) -> Void
    ) throws {
        var signals: StopSignals?
        do throws(ReactorError) {
            try HubLink.run(configuration, from: start, delegate: delegate) { address in
                ready(address)
                signals = StopSignals({ address.post(.note(StopNote())) }, atOnce: atOnce)
            }
        } catch {
            throw CommandFailure(.inputOutput, error.description)
        }
        withExtendedLifetime(signals) {}
    }
}

extension HubOptions {
    /// What a link of this program is made of.
    func link(_ device: DeviceOption) throws -> HubLinkConfiguration {
        let settings = try settings()
        let url = try settings.hubURL()
        var configuration = HubLinkConfiguration(
            url: url, key: try settings.apiKey(for: url), device: try device.name(settings))
        configuration.tls = try settings.tlsClient(for: url)
        configuration.client = HubOptions.program
        return configuration
    }
}
