internal import COpenSSL

/// Random bytes and comparisons for secrets.
public enum Secret {
    /// `count` bytes of the operating system's cryptographic randomness. Traps when the system has none to give.
    public static func random(count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "the system's random source failed")
        return bytes
    }

    /// Whether two byte strings are equal, in time that does not depend on where they differ.
    public static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}
