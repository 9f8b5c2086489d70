package import Causality
internal import Foundation
package import Hub
package import Logging
internal import Reactor
package import Storage
package import WebSocket

/// A hub on a free port, with a user and a key. Stops when it is let go.
package final class TestHub {
    package let hub: Hub
    package let store: any Store
    package let accounts: Accounts
    package let key: String
    private var isStopped = false

    package init(
        store: any Store = MemoryStore(generation: Generation(42)), user: Identifier = "ada", shardCount: Int = 2,
        bus: (any Bus)? = nil, pullStore: (any Store)? = nil, key: String? = nil,
        log handler: (any LogHandler)? = nil,
        configure: (inout HubConfiguration) -> Void = { _ in }
    ) throws {
        self.store = store
        accounts = Accounts(store: store)
        if let key {
            self.key = key
        } else {
            _ = try accounts.addUser(user)
            self.key = try accounts.createKey(user: user, label: "test").text
        }
        var configuration = HubConfiguration(address: .ipv4(port: 0), shardCount: shardCount)
        configure(&configuration)
        var log = Logger(label: "test")
        log.logLevel = .critical
        if let handler { log = Logger(label: "test") { _ in handler } }
        hub = try Hub.start(
            store: store, bus: bus, pullStore: pullStore, configuration: configuration, log: log)
    }

    deinit {
        stop()
    }

    package func stop() {
        if !isStopped { hub.stop() }
        isStopped = true
    }

    package var port: UInt16 { hub.address.port }

    package func newKey(user: Identifier) throws -> String {
        _ = try accounts.addUser(user)
        return try accounts.createKey(user: user, label: "test").text
    }

    package func device(
        _ name: String, key: String? = nil, receiveBufferBytes: Int32? = nil, deflate: DeflateOffer? = nil,
        tls: TLSOffer? = nil
    ) throws -> TestDevice {
        try TestDevice(
            port: port, name: name, key: key ?? self.key, receiveBufferBytes: receiveBufferBytes, deflate: deflate,
            tls: tls)
    }

    package func request(_ method: String, _ target: String, body: String = "", key: String? = nil, fields: String = "")
        throws -> (status: Int, head: String, body: String)
    {
        let tls = hub.isSecure ? TLSOffer() : nil
        return try TestHub.request(port, key ?? self.key, method, target, body: body, fields: fields, tls: tls)
    }

    /// For requests of several threads at once.
    package static func request(
        _ port: UInt16, _ key: String, _ method: String, _ target: String, body: String = "", fields: String = "",
        tls: TLSOffer? = nil
    ) throws -> (status: Int, head: String, body: String) {
        try SocketPeer(port: port, tls: tls).exchange(
            "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(key)\r\n"
                + "\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
}
