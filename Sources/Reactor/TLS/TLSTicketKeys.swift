internal import CLinux
internal import COpenSSL
internal import Glibc

/// The keys that seal session tickets (RFC 5077): one set for all loops, so that a session goes on at any of them, and
/// nothing is kept for a client. A stolen key opens what was sealed with it, so each is used for a while only.
final class TLSTicketKeys: Sendable {
    static let nameBytes = 16
    private static let keyBytes = 32

    struct Key: Sendable {
        var name: [UInt8]
        var cipherKey: [UInt8]
        var macKey: [UInt8]
        var bornAt: Int

        static func random(at time: Int) -> Key? {
            var bytes = [UInt8](repeating: 0, count: TLSTicketKeys.nameBytes + 2 * TLSTicketKeys.keyBytes)
            guard RAND_bytes(&bytes, Int32(bytes.count)) == 1 else { return nil }
            return Key(
                name: Array(bytes[..<nameBytes]), cipherKey: Array(bytes[nameBytes..<nameBytes + keyBytes]),
                macKey: Array(bytes[(nameBytes + keyBytes)...]), bornAt: time)
        }
    }

    private struct Ring: Sendable {
        var current: Key?
        /// Opens what it sealed before it was replaced; whoever shows such a ticket gets a new one.
        var previous: Key?
    }

    private let ring = Guarded(Ring())
    private let lifetimeSeconds: Int

    init(lifetimeSeconds: Int) { self.lifetimeSeconds = max(lifetimeSeconds, 1) }

    /// The key to seal with, and whether it may still be had; nil where OpenSSL has no randomness.
    private func currentKey() -> Key? {
        let now = Self.seconds()
        return ring.withLock { ring in
            if let current = ring.current, now - current.bornAt < lifetimeSeconds { return current }
            guard let key = Key.random(at: now) else { return nil }
            // One that rested for a whole lifetime more is too old to open anything.
            ring.previous = ring.current.flatMap { now - $0.bornAt < 2 * lifetimeSeconds ? $0 : nil }
            ring.current = key
            return key
        }
    }

    private func key(named name: UnsafeBufferPointer<UInt8>) -> (Key, isCurrent: Bool)? {
        guard let current = currentKey() else { return nil }
        if current.name.elementsEqual(name) { return (current, true) }
        guard let previous = ring.withLock({ $0.previous }), previous.name.elementsEqual(name) else { return nil }
        return (previous, false)
    }

    func renew() {
        ring.withLock { ring in
            guard let key = Key.random(at: Self.seconds()) else { return }
            ring.previous = ring.current
            ring.current = key
        }
    }

    private static func seconds() -> Int {
        var time = timespec()
        // Goes on while the machine sleeps.
        clock_gettime(CLOCK_BOOTTIME, &time)
        return time.tv_sec
    }

    /// What OpenSSL asks for a ticket (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)): 1 it is done, 2 done and the client is
    /// to have a new ticket, 0 no key and so a full handshake, -1 an error.
    static let callback:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?, OpaquePointer?,
            Int32
        ) -> Int32 = { ssl, name, vector, cipher, mac, isSealing in
            guard let session = TLSChannel.session(of: ssl), case .server(let server) = session.side, let name,
                let vector
            else { return -1 }
            let keys = server.ticketKeys
            if isSealing == 1 {
                guard let key = keys.currentKey(), RAND_bytes(vector, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1
                else { return -1 }
                for (index, byte) in key.name.enumerated() { name[index] = byte }
                return carillon_ticket_init(cipher, mac, key.cipherKey, key.macKey, vector, 1) == 1 ? 1 : -1
            }
            let wanted = UnsafeBufferPointer(start: UnsafePointer(name), count: nameBytes)
            guard let (key, isCurrent) = keys.key(named: wanted) else { return 0 }
            guard carillon_ticket_init(cipher, mac, key.cipherKey, key.macKey, vector, 0) == 1 else { return -1 }
            return isCurrent ? 1 : 2
        }
}
