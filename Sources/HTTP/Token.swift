/// Tokens of HTTP fields (RFC 9110 5.6.2): ASCII, and without case where a field says so.
public enum Token {
    /// Whether two texts are equal but for the case of ASCII letters.
    ///
    /// By bytes, never by `lowercased()`: Unicode folds the Kelvin sign to "k", which would make a transfer coding of
    /// one that no other reader knows.
    public static func equal(_ left: some StringProtocol, _ right: some StringProtocol) -> Bool {
        left.utf8.elementsEqual(right.utf8) { fold($0) == fold($1) }
    }

    private static func fold(_ octet: UInt8) -> UInt8 {
        octet >= UInt8(ascii: "A") && octet <= UInt8(ascii: "Z") ? octet | 0x20 : octet
    }
}
