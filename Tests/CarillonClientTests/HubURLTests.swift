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

    @Test(
        "is refused with the reason",
        arguments: [
            ("wss://h", .needsTLS), ("https://h:1", .needsTLS), ("ftp://h", .unknownScheme("ftp")),
            ("http://key@h", .hasCredentials), ("http://h/v1", .hasPath), ("http://h?key=1", .hasPath),
            ("http://", .badHost), ("[::1", .badHost), ("h:0", .badPort), ("h:70000", .badPort), ("h:", .badPort),
            ("a b", .badHost),
        ] as [(String, HubURLError)])
    func refuses(text: String, reason: HubURLError) {
        #expect(throws: reason) { try HubURL(parsing: text) }
    }
}
