import CarillonClient
import Testing

@Suite("The configuration file")
struct ConfigurationFileTests {
    @Test("strings, escapes, comments, quoted names and both line ends are read")
    func reads() throws {
        let file = try ConfigurationFile(
            parsing: "# mine\r\nurl = \"http://h:1\" # where\nkey='car_\\x'\n\n  device\t=\t\"a\\\"b\\u00fc\\n\"\n"
                + "[profile.work] # other\nurl = \"http://w:2\"\n[ profile . \"two words\" ]\nkey = \"k#2\"\n")
        #expect(file.base == .init(url: "http://h:1", key: "car_\\x", device: "a\"bü\n"))
        #expect(file.profiles["work"] == .init(url: "http://w:2"))
        #expect(file.profiles["two words"] == .init(key: "k#2"))
    }

    @Test("a byte order mark at the beginning, and nowhere else, is passed over")
    func mark() throws {
        #expect(try ConfigurationFile(parsing: "\u{feff}url = \"http://h:1\"\r\n").base.url == "http://h:1")
        #expect(throws: ConfigurationFile.Problem.self) {
            try ConfigurationFile(parsing: "url = \"http://h:1\"\n\u{feff}key = \"k\"")
        }
    }

    @Test("a profile inherits what it leaves out, but no key for a url of its own")
    func inherits() throws {
        let file = try ConfigurationFile(
            parsing: """
                url = "http://h:1"
                key = "secret"
                device = "laptop"
                [profile.away]
                url = "http://away:1"
                [profile.tablet]
                device = "tablet"
                """)
        #expect(file.values(profile: nil) == .init(url: "http://h:1", key: "secret", device: "laptop"))
        #expect(file.values(profile: "away") == .init(url: "http://away:1", key: nil, device: "laptop"))
        #expect(file.values(profile: "tablet") == .init(url: "http://h:1", key: "secret", device: "tablet"))
        #expect(file.values(profile: "none") == nil)
    }

    @Test("whom to trust and what to show are one hub's: a profile with a url of its own inherits neither")
    func trust() throws {
        let file = try ConfigurationFile(
            parsing: """
                url = "https://h:1"
                ca = "/ca.pem"
                pin = "sha256/A"
                cert = "/c.pem"
                cert_key = "/k.pem"
                [profile.away]
                url = "https://away:1"
                ca = "/away.pem"
                [profile.tablet]
                cert = "/t.pem"
                cert_key = "/tk.pem"
                """)
        let base = try #require(file.values(profile: nil))
        #expect(base.ca == "/ca.pem" && base.pin == "sha256/A" && base.cert == "/c.pem" && base.certKey == "/k.pem")
        let away = try #require(file.values(profile: "away"))
        #expect(away.ca == "/away.pem" && away.pin == nil && away.cert == nil && away.certKey == nil)
        let tablet = try #require(file.values(profile: "tablet"))
        #expect(tablet.url == "https://h:1" && tablet.ca == "/ca.pem" && tablet.pin == "sha256/A")
        #expect(tablet.cert == "/t.pem" && tablet.certKey == "/tk.pem")
    }

    @Test(
        "what is not ours is an error that names its line",
        arguments: [
            ("a = 1", 1), ("\nurl = \"x", 2), ("url", 1), ("url = \"a\"\nurl = \"b\"", 2), ("\n\nurll = \"a\"", 3),
            ("url = \"a\" \"b\"", 1), ("url = \"\"\"a\"\"\"", 1), ("url = \"\\q\"", 1), ("url = \"\\ud800\"", 1),
            ("url = \"\\u12", 1), ("[server]\nurl = \"a\"", 1), ("[[profile]]", 1), ("[profile.a\n", 1),
            ("[profile.a]\n[profile.a]", 2), ("url = \"\"", 1), ("= \"a\"", 1), ("url = a", 1), ("url = [\"a\"]", 1),
            ("url = \"a\u{1}\"", 1), ("[]", 1), ("url = 'a'x", 1),
        ])
    func refuses(text: String, line: Int) {
        #expect {
            try ConfigurationFile(parsing: text)
        } throws: { error in
            (error as? ConfigurationFile.Problem)?.line == line
        }
    }
}
