/// Checks UTF-8 as it arrives (RFC 3629 4), split anywhere.
///
///     lead      next        then
///     00-7F
///     C2-DF     80-BF
///     E0        A0-BF       80-BF
///     E1-EC     80-BF       80-BF
///     ED        80-9F       80-BF          no surrogates
///     EE-EF     80-BF       80-BF
///     F0        90-BF       2 of 80-BF
///     F1-F3     80-BF       2 of 80-BF
///     F4        80-8F       2 of 80-BF     nothing beyond U+10FFFF
///
/// Eight ASCII octets cost one comparison. A wrong octet is refused when it comes, not at the end of its character.
public struct UTF8Validator: Sendable {
    private var remaining: UInt8 = 0
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    /// A validator at the start of a text.
    public init() {}

    /// True when the text so far ends with a whole character.
    public var isComplete: Bool { remaining == 0 }

    /// Whether the text is still UTF-8, perhaps cut inside a character, with these octets added.
    public mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        var (remaining, lower, upper) = (remaining, lower, upper)
        let count = bytes.count
        var index = 0
        while index < count {
            if remaining == 0 {
                while index &+ 8 <= count,
                    base.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                {
                    index &+= 8
                }
                if index == count { break }
                let lead = base.load(fromByteOffset: index, as: UInt8.self)
                index &+= 1
                if lead < 0x80 { continue }
                switch lead {
                case 0xC2...0xDF: (remaining, lower, upper) = (1, 0x80, 0xBF)
                case 0xE0: (remaining, lower, upper) = (2, 0xA0, 0xBF)
                case 0xED: (remaining, lower, upper) = (2, 0x80, 0x9F)
                case 0xE1...0xEF: (remaining, lower, upper) = (2, 0x80, 0xBF)
                case 0xF0: (remaining, lower, upper) = (3, 0x90, 0xBF)
                case 0xF1...0xF3: (remaining, lower, upper) = (3, 0x80, 0xBF)
                case 0xF4: (remaining, lower, upper) = (3, 0x80, 0x8F)
                default: return false
                }
            } else {
                let next = base.load(fromByteOffset: index, as: UInt8.self)
                index &+= 1
                guard next >= lower, next <= upper else { return false }
                remaining &-= 1
                (lower, upper) = (0x80, 0xBF)
            }
        }
        (self.remaining, self.lower, self.upper) = (remaining, lower, upper)
        return true
    }
}
