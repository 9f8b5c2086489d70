import CarillonClient
import Testing

@Suite("A hub's URL")
struct HubURLTests {
    @Test(
        "names a host and a port, 8787 unless told",
        arguments: [
            ("http://hub.local", "hub.local", 8787), ("ws://hub.local:9000", "hub.local", 9000),
            ("http://127.0.0.1:1/", "127.0.0.1", 1), ("localhost", "localhost", 8787), ("[::1]:80", "::1", 80),
            ("HTTP://[fe80::1]", "fe80::1", 8787),
        ] as [(String, String, UInt16)])
    func reads(text: String, host: String, port: UInt16) throws {
        let url = try HubURL(parsing: text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(try HubURL(parsing: url.description) == url)
    }

    @Test("speaks TLS where it says so, on the same port unless told")
    func secure() throws {
        for text in ["https://hub.local", "wss://hub.local/", "HTTPS://hub.local:8787"] {
            let url = try HubURL(parsing: text)
            #expect(url.isSecure && url.port == 8787 && url.description == "https://hub.local:8787")
            #expect(try HubURL(parsing: url.description) == url)
        }
        for text in ["http://hub.local", "ws://hub.local", "hub.local"] {
            #expect(try !HubURL(parsing: text).isSecure)
        }
        #expect(try HubURL(parsing: "https://h:1") != HubURL(parsing: "http://h:1"))
    }

    @Test("is known to be this machine by its address, and not by a name that begins like one")
    func loopback() throws {
        for text in ["127.0.0.1", "127.9.0.1:1", "[::1]:1", "https://LOCALHOST"] {
            #expect(try HubURL(parsing: text).isLoopback, "\(text)")
        }
        for text in ["127.0.0.1.evil.example", "10.0.0.1", "localhost.example", "[::2]"] {
            #expect(try !HubURL(parsing: text).isLoopback, "\(text)")
        }
    }

    @Test(
        "is refused with the reason",
        arguments: [
            ("ftp://h", .unknownScheme("ftp")),
            ("http://key@h", .hasCredentials), ("http://h/v1", .hasPath), ("http://h?key=1", .hasPath),
            ("http://", .badHost), ("[::1", .badHost), ("h:0", .badPort), ("h:70000", .badPort), ("h:", .badPort),
            ("a b", .badHost),
        ] as [(String, HubURLError)])
    func refuses(text: String, reason: HubURLError) {
        #expect(throws: reason) { try HubURL(parsing: text) }
    }
}
