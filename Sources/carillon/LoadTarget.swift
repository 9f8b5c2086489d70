internal import ArgumentParser
internal import CarillonClient
internal import Causality
internal import Foundation
internal import Hub
internal import Load
internal import Reactor
internal import Storage

/// Which hub is put under load.
struct LoadTarget: ParsableArguments {
    @Option(help: "The hub, http://host:port or https://host:port. Else CARILLON_URL, else \(HubURL.standard).")
    var url: String?
    @Option(help: "A user's API key; once for each user. Else CARILLON_KEY, for one.")
    var key: [String] = []
    @Option(help: ArgumentHelp("A file with a key on each line.", valueName: "file"))
    var keys: String?
    @Option(help: ArgumentHelp("The data folder of the hub, where users and keys are made.", valueName: "dir"))
    var data: String?
    @Flag(help: "Start a hub of this program on a free port of this machine, and stop it at the end.")
    var spawn = false
    @Option(
        help: ArgumentHelp(
            "With --spawn: where its records live, memory, sqlite, postgres or a postgres:// URL. Without: the hub's "
                + "Postgres, where users and keys are made.",
            valueName: "store"))
    var store: String?
    @Option(help: ArgumentHelp("With --spawn: its event loops.", valueName: "n"))
    var shards: Int?
    @Option(help: ArgumentHelp("The hub's process, when it is not to be found by its port.", valueName: "pid"))
    var hubPid: Int32?
    @Flag(help: "With --spawn: over TLS, with a certificate of the hub's own CA.")
    var tls = false
    @Option(
        help: ArgumentHelp(
            "With https://: the authorities to trust in place of the system's, PEM. Else CARILLON_CA.",
            valueName: "file"))
    var ca: String?
    @Flag(help: "Also another machine than this one.")
    var allowRemote = false
    @Flag(help: "Speak to a bare broadcast server: text messages to /?room=N go to the room's others.")
    var raw = false

    /// A hub that is there, with a key for each user.
    struct Opened {
        var address: SocketAddress
        var keys: [String]
        var pid: Int32?
        var tls: TLSTarget?
        var spawned: SpawnedHub?

        func close() { spawned?.stop() }
    }

    func open(users: Int?) throws -> Opened {
        if spawn {
            guard url == nil, key.isEmpty, keys == nil, data == nil, ca == nil, !raw else {
                throw CommandFailure(.usage, "--spawn makes its own hub, users and keys: leave the others out.")
            }
            let hub = try SpawnedHub(users: users ?? 1, store: store ?? "memory", shards: shards, isSecure: tls)
            var opened = Opened(address: hub.address, keys: hub.keys, pid: hub.pid, spawned: hub)
            if tls { opened.tls = try target(hub.address.hostText, authorityPath: hub.authorityPath) }
            return opened
        }
        guard !tls else {
            throw CommandFailure(.usage, "--tls goes with --spawn; a hub's URL says https:// by itself.")
        }
        let (address, hubURL) = try place()
        var opened = Opened(address: address, keys: try userKeys(users), pid: hubPid)
        if hubURL.isSecure {
            opened.tls = try target(hubURL.host, authorityPath: ca ?? Environment.value("CARILLON_CA"))
        } else if ca != nil {
            throw CommandFailure(.usage, "--ca goes with https://, and the hub's URL is \(hubURL).")
        }
        return opened
    }

    private func target(_ host: String, authorityPath: String?) throws -> TLSTarget {
        var configuration = TLSClientConfiguration()
        configuration.authorityPath = authorityPath
        do throws(TLSError) {
            return TLSTarget(client: try TLSClient(configuration), host: host)
        } catch {
            throw CommandFailure(.inputOutput, error.sentence, remedy: "See --ca.")
        }
    }

    private func place() throws -> (SocketAddress, HubURL) {
        let text = url ?? Environment.value("CARILLON_URL") ?? "\(HubURL.standard)"
        let hubURL: HubURL
        do throws(HubURLError) {
            hubURL = try HubURL(parsing: text)
        } catch {
            throw CommandFailure(.usage, "\"\(text)\" is no hub's URL: \(error.sentence).")
        }
        let host = hubURL.host == "localhost" ? "127.0.0.1" : hubURL.host
        guard let address = try? SocketAddress.parse(host, port: hubURL.port) else {
            throw CommandFailure(.usage, "\(hubURL.host) is a name: give the hub's address.")
        }
        guard allowRemote || host == "::1" || host.hasPrefix("127.") else {
            throw CommandFailure(
                .usage, "\(host) is not this machine.",
                remedy: "Pass --allow-remote for a hub of your own elsewhere; never for another's.")
        }
        return (address, hubURL)
    }

    private func userKeys(_ users: Int?) throws -> [String] {
        if raw { return Array(repeating: "", count: users ?? 1) }
        var all = key
        if let keys {
            guard let text = try? String(contentsOfFile: keys, encoding: .utf8) else {
                throw CommandFailure(.inputOutput, "Cannot read \(keys).")
            }
            all += text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
                .filter { !$0.isEmpty }
        }
        if data != nil || store != nil {
            let folder = data.map { ["--data", $0] } ?? []
            let named = store.map { ["--store", $0] } ?? ["--store", "sqlite"]
            all += try Self.makeUsers(users ?? 1, StoreOptions.parse(folder + named))
        }
        if all.isEmpty, let one = Environment.value("CARILLON_KEY") { all = [one] }
        guard all.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } }) else {
            throw CommandFailure(.usage, "A key holds characters that no key has.")
        }
        let count = users ?? all.count
        guard count > 0, all.count >= count else {
            throw CommandFailure(
                .usage, "There are \(all.count) keys for \(max(1, count)) users.",
                remedy: "Pass --key for each user, --keys FILE, --data DIR of the hub, or --spawn.")
        }
        return Array(all.prefix(count))
    }

    /// Users of this run's own, with a key each.
    static func makeUsers(_ count: Int, _ options: StoreOptions) throws -> [String] {
        let accounts = Accounts(store: try options.made())
        let run = String(UInt32.random(in: 0...UInt32.max), radix: 16)
        do throws(StoreError) {
            var keys: [String] = []
            for number in 0..<count {
                let name = Identifier(unchecked: "load-\(run)-\(number)")
                _ = try accounts.addUser(name)
                keys.append(try accounts.createKey(user: name, label: "load").text)
            }
            return keys
        } catch {
            throw CommandFailure(error, "Cannot make users")
        }
    }
}
