internal import COpenSSL

/// Hash functions, offered from this one place over OpenSSL's libcrypto.
public enum Digest {
    // Looked up once: the one-shot `SHA256` looks its algorithm up by name each time, 0.18 of 0.83 µs for 1 KiB.
    // nonisolated(unsafe): never written again, and OpenSSL's algorithms are shared between threads.
    nonisolated(unsafe) private static let algorithm = EVP_MD_fetch(nil, "SHA2-256", nil)

    /// SHA-256 of `bytes` (FIPS 180-4), 32 bytes.
    public static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { out, count in
            let isDone = EVP_Digest(bytes.baseAddress, bytes.count, out.baseAddress, nil, algorithm, nil)
            precondition(isDone == 1, "OpenSSL has no SHA-256")
            count = 32
        }
    }

    /// SHA-256 of `bytes` (FIPS 180-4), 32 bytes.
    public static func sha256(_ bytes: some Collection<UInt8>) -> [UInt8] {
        bytes.withContiguousStorageIfAvailable { sha256(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { sha256($0) }
    }

    /// SHA-1 of `bytes`, 20 bytes. Only for the WebSocket handshake (RFC 6455 4.2.2), which is no security claim.
    public static func sha1(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 20) { out, count in
            _ = SHA1(bytes, bytes.count, out.baseAddress)
            count = 20
        }
    }
}

extension Digest {
    /// Lower-case hexadecimal text of `bytes`.
    public static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
