import Testing

@testable import Cryptography

@Suite("Password hashes")
struct PasswordHashTests {
    private func check(_ password: String, _ stored: String) -> PasswordHash.Verdict {
        PasswordHash.check(Array(password.utf8), stored)
    }

    @Test("a hash matches its password and no other one, and has a salt of its own")
    func roundTrip() {
        let first = PasswordHash.text(of: Array("correct horse".utf8))
        let second = PasswordHash.text(of: Array("correct horse".utf8))
        #expect(
            first != second && first.hasPrefix(PasswordHash.hasArgon2id ? "$argon2id$v=19$" : "$scrypt$ln=15,r=8,p=1$"))
        #expect(check("correct horse", first) == .matches && check("correct horse", second) == .matches)
        for other in ["", "correct hors", "correct horse ", "Correct horse"] {
            #expect(check(other, first) == .differs)
        }
        #expect(check("correct horse", PasswordHash.unmatched) == .differs)
    }

    /// RFC 7914 12, its third vector.
    @Test("scrypt gives the standard's bytes")
    func scrypt() {
        let hash = PasswordHash.derive(
            Array("pleaseletmein".utf8), Array("SodiumChloride".utf8), .scrypt(logN: 14, blocks: 8, lanes: 1), count: 64
        )
        #expect(
            hash.map { Digest.hex($0) }
                == "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                + "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887")
    }

    /// `test.c` of the reference implementation.
    @Test("Argon2id's texts of other programs are read", .enabled(if: PasswordHash.hasArgon2id))
    func argon2id() {
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        #expect(check("password", stored) == .matches && check("passwore", stored) == .differs)
    }

    @Test("without Argon2id its texts are unreadable, and no match", .enabled(if: !PasswordHash.hasArgon2id))
    func noArgon2id() {
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        #expect(check("password", stored) == .unreadable)
    }

    @Test("a text reads back as it was written")
    func text() throws {
        for count in 16...64 {
            let parts = PasswordText(
                cost: .argon2id(memoryKiB: 8, passes: 1, lanes: 1), salt: Array(repeating: 0xfe, count: 8),
                hash: (0..<count).map { UInt8(truncatingIfNeeded: 255 &- $0 &* 7) })
            let read = try #require(PasswordText(parts.text))
            #expect(read.hash == parts.hash && read.salt == parts.salt && read.cost == parts.cost)
        }
    }

    @Test(
        "what is no hash, or asks for more than is borne, matches nothing",
        arguments: [
            "", "$", "secret", "$scrypt$", "$scrypt$ln=15,r=8,p=1$c29tc2FsdA",
            "$scrypt$ln=31,r=8,p=1$c29tc2FsdHNhbHQ$c29tc2FsdHNhbHRzb21l",
            "$scrypt$ln=15,r=99,p=1$c29tc2FsdHNhbHQ$c29tc2FsdHNhbHRzb21l",
            "$scrypt$ln=15,r=8,p=999999999999$c29tc2FsdHNhbHQ$c29tc2FsdHNhbHRzb21l",
            "$scrypt$ln=+15,r=8,p=1$c29tc2FsdHNhbHQ$c29tc2FsdHNhbHRzb21l",
            "$scrypt$r=8,ln=15,p=1$c29tc2FsdHNhbHQ$c29tc2FsdHNhbHRzb21l",
            "$scrypt$ln=15,r=8,p=1$c29tc2FsdHNhbHQ=$c29tc2FsdHNhbHRzb21l",
            "$scrypt$ln=15,r=8,p=1$c29tc2Fs dHNhbHQ$c29tc2FsdHNhbHRzb21l",
            "$scrypt$ln=15,r=8,p=1$c29tc2FsdHNhbHQ$c2hvcnQ",
            "$argon2id$v=19$m=4294967295,t=2,p=1$c29tc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=16$m=65536,t=2,p=1$c29tc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ])
    func unreadable(_ stored: String) {
        #expect(PasswordText(stored) == nil && check("password", stored) == .unreadable)
    }
}
