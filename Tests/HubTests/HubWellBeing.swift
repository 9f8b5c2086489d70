import Foundation
import Hub
import HubTesting
import Testing

extension TestHub {
    /// A hub that is quick to lose its patience.
    static func impatient(_ configure: (inout HubConfiguration) -> Void = { _ in }) throws -> TestHub {
        try TestHub {
            $0.limits.sweepSeconds = 1
            $0.limits.handshakeSeconds = 2
            $0.limits.requestSeconds = 3
            $0.limits.pingSeconds = 1
            $0.limits.idleSeconds = 4
            configure(&$0)
        }
    }

    /// Whatever a peer did: a device that behaves is served, and of all connections none is left.
    func expectWell(
        _ what: String = "", seconds: Double = 15, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        do {
            let device = try device("well-\(UInt32.random(in: 0 ... .max))")
            // What the others have pushed may be no JSON to Foundation.
            try device.hello(["live": false])
            let items = try device.push([change("well", [device.replica: 1], 1)], ["force": true])
            #expect(items.count == 1, "\(what)", sourceLocation: sourceLocation)
            device.peer.reset()
        }
        let end = Date().addingTimeInterval(seconds)
        while hub.connectionCount > 0, Date() < end { Thread.sleep(forTimeInterval: 0.02) }
        #expect(hub.connectionCount == 0, "\(what)", sourceLocation: sourceLocation)
    }
}

/// What a peer says to come in.
enum Opening {
    static let upgrade =
        "GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Protocol: carillon.v1\r\n"
}
