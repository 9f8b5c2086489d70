internal import CarillonClient
internal import Causality
internal import Foundation
internal import Hub
internal import Wire

extension Checkup {
    /// Seconds for each question to the hub. There are five of them.
    private static let askSeconds = 5
    /// From here on last-writer-wins and `--since` go visibly wrong.
    private static let skewSecondsMax = 5.0

    private struct Status: Decodable {
        struct Device: Decodable { var id: String }

        var version: String
        var `protocol`: Int
        var user: String
        var serverTime: Int64
        var devices: [Device]
    }

    mutating func configuration(_ settings: HubSettings) {
        let profile = settings.profile.map { ", profile \($0)" } ?? ""
        guard settings.fileExists else {
            note("config", .ok, "There is no \(settings.path); options, environment and defaults are in force.")
            return
        }
        if HubSettings.isOpenToOthers(settings.path) {
            note(
                "config", .warn, "\(settings.path) can be read by others\(profile).",
                remedy: "chmod 600 \(Terminal.quoted(settings.path))")
        } else {
            note("config", .ok, "\(settings.path)\(profile) is read.")
        }
    }

    /// Each question only where the one before it went well: one cause is told once.
    mutating func hub(_ settings: HubSettings, device: Identifier?) {
        let url: HubURL
        do {
            url = try settings.hubURL()
            note("url", .ok, "\(url), from \(settings.url?.source ?? "the default").")
        } catch {
            failed("url", error)
            return
        }
        var rest = RESTClient(url: url, key: "none")
        rest.client = HubOptions.program
        do {
            rest.tls = try settings.tlsClient(for: url)
        } catch {
            failed("tls", error)
            return
        }
        tls(settings, url)
        rest.timeoutSeconds = Checkup.askSeconds
        guard health(rest) else { return }
        guard let key = key(settings, url) else { return }
        rest.key = key
        guard let status = status(rest) else { return }
        self.device(settings, device, status)
        socket(rest)
    }

    /// Whether a hub answers, whoever asks.
    private mutating func health(_ rest: RESTClient) -> Bool {
        do throws(ClientError) {
            let answer = RawObject(try rest.get(["health"]))
            guard answer?.string("status") == "ok" else {
                note(
                    "hub", .fail, "What answers at \(rest.url) is not a Carillon hub: its /health says something else.",
                    remedy: "See that the url is the hub's and not that of another server.")
                return false
            }
        } catch {
            // Without problem details, a 404 for one, it is some other server.
            note(
                "hub", .fail, error.sentence,
                remedy: error.remedy ?? "See that the url is right and that this machine's network reaches the hub.")
            return false
        }
        do throws(ClientError) {
            _ = try rest.get(["ready"])
            note("hub", .ok, "A hub answers at \(rest.url), and its store answers it.")
        } catch {
            note(
                "hub", .warn, "A hub answers at \(rest.url), but is not ready: \(error.sentence)",
                remedy: error.remedy ?? "Look at the hub's log.")
        }
        return true
    }

    private mutating func key(_ settings: HubSettings, _ url: HubURL) -> String? {
        do {
            let key = try settings.apiKey(for: url)
            if !key.isEmpty, APIKey(key) == nil {
                note(
                    "key", .warn, "The key from \(settings.key?.source ?? "") has not the form of a hub's own key.",
                    remedy: "A key is car_, 8 characters, _ and 43 more: see that it was copied whole.")
            }
            return key
        } catch {
            failed("key", error)
            return nil
        }
    }

    /// Key, versions and clocks: one answer tells them all.
    private mutating func status(_ rest: RESTClient) -> Status? {
        let asked = Date()
        let bytes: [UInt8]
        do throws(ClientError) {
            bytes = try rest.get(["v1", "status"])
        } catch {
            let remedy =
                error.cause == .unauthorized
                ? "See `carillon key list USER` where the hub's data is, or make one: carillon key create USER"
                : error.remedy ?? "Look at the hub's log."
            note("key", .fail, error.sentence, remedy: remedy)
            return nil
        }
        let middle = asked.timeIntervalSince1970 + Date().timeIntervalSince(asked) / 2
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let status = try? decoder.decode(Status.self, from: Data(bytes)) else {
            note("version", .fail, "The hub's status is not what this program knows.", remedy: "Update the older side.")
            return nil
        }
        note("key", .ok, "It opens the records of \(status.user).")
        version(status)
        let skew = Double(status.serverTime) / 1e6 - middle
        let told = String(format: "%.1f s %@", abs(skew), skew > 0 ? "behind" : "ahead of")
        if abs(skew) > Checkup.skewSecondsMax {
            note(
                "clock", .warn, "This machine's clock is \(told) the hub's.",
                remedy: "Synchronise both clocks (timedatectl set-ntp true): last-writer-wins and --since go by them.")
        } else {
            note("clock", .ok, "This machine's clock is \(told) the hub's.")
        }
        return status
    }

    private mutating func version(_ status: Status) {
        if status.protocol != CarillonProtocol.version {
            note(
                "version", .fail,
                "The hub speaks protocol \(status.protocol), this program \(CarillonProtocol.version).",
                remedy: "Update the older side.")
        } else if status.version != Hub.version {
            note(
                "version", .warn,
                "The hub is \(status.version), this program \(Hub.version); their protocol is the same.",
                remedy: "Update the older side when it suits.")
        } else {
            note("version", .ok, "Hub and program are \(Hub.version), protocol \(status.protocol).")
        }
    }

    private mutating func device(_ settings: HubSettings, _ asked: Identifier?, _ status: Status) {
        guard asked != nil || settings.device != nil else {
            note(
                "device", .warn, "No device name is configured.",
                remedy: "Write device = \"NAME\" into \(settings.path), or pass --device each time.")
            return
        }
        do {
            let name = try settings.deviceName(asked)
            if status.devices.contains(where: { $0.id == name.text }) {
                note("device", .ok, "\(name) is registered.")
            } else {
                note("device", .ok, "\(name) is not registered yet; it will be when it first connects.")
            }
        } catch {
            failed("device", error)
        }
    }

    private mutating func socket(_ rest: RESTClient) {
        do throws(ClientError) {
            let status = try rest.upgradeStatus()
            if status == 101 {
                note("websocket", .ok, "The WebSocket opens.")
            } else {
                note(
                    "websocket", .fail, "REST is answered, but the WebSocket does not open: the answer is \(status).",
                    remedy: "A proxy in between must hand on the upgrade; nginx: proxy_http_version 1.1; "
                        + "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";")
            }
        } catch {
            note(
                "websocket", .fail, "REST is answered, but the WebSocket does not open. \(error.sentence)",
                remedy: error.remedy ?? "See that nothing between here and the hub ends connections.")
        }
    }

    private mutating func failed(_ check: String, _ error: any Error) {
        let failure = error as? CommandFailure
        note(check, .fail, failure?.sentence ?? "\(error)", remedy: failure?.remedy)
    }
}
