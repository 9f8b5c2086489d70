import Causality
import HubTesting
import Reactor
import Storage
import Testing
import Wire

@testable import Hub

@Suite("A client certificate as identity")
struct CertificateIdentityTests {
    private static let hash = [UInt8](repeating: 7, count: 32)

    private func peer(_ uris: [String], hash: [UInt8]? = hash) -> TLSPeer {
        TLSPeer(version: "TLSv1.3", cipher: "c", isResumed: false, certificateHash: hash, uris: uris)
    }

    @Test("a user and a device are read back as they were written, whatever their names hold")
    func uris() {
        for (user, device) in [("ada", nil), ("ada", "laptop"), ("a/b:c,d%", "ü ?#&"), ("a", "/")]
            as [(String, String?)]
        {
            let identity = CertificateIdentity(
                user: Identifier(unchecked: user), device: device.map { Identifier(unchecked: $0) })
            #expect(CertificateIdentity(uri: identity.uri) == identity, "\(identity.uri)")
        }
        #expect(CertificateIdentity(user: "ada", device: "my phone").uri == "carillon:ada/my%20phone")
        for uri in [
            "", "carillon:", "carillon:/d", "carillon:a/", "carillon:a/b/c", "http:a", "carillon:%ff", "carillon:a%00",
            "Carillon:a", "carillon:" + String(repeating: "a", count: 500),
        ] {
            #expect(CertificateIdentity(uri: uri) == nil, "\(uri)")
        }
    }

    @Test("stands for a key of its user, and goes no further than its device")
    func identity() throws {
        let hub = try TestHub()
        let (core, authenticator) = (hub.hub.core, Authenticator(store: hub.store))
        let byUser = try authenticator.holder(of: core.credentials(nil, peer(["carillon:ada"])))
        #expect(byUser.user.name == "ada" && byUser.device == nil)
        #expect(ShownCertificate.isRecord(prefix: byUser.keyPrefix))
        let byDevice = try authenticator.holder(of: core.credentials(nil, peer(["mailto:x", "carillon:ada/laptop"])))
        #expect(byDevice.device == "laptop")
        let member = try authenticator.admit(Hello(device: "laptop"), of: byDevice)
        #expect(member.user.name == "ada" && member.device.id == "laptop")
        #expect { try authenticator.admit(Hello(device: "phone"), of: byDevice) } throws: { error in
            (error as? ErrorFrameError)?.frame.code == .forbidden
        }
        #expect(try hub.store.accounts.device("phone", of: member.user.id) == nil)
    }

    @Test("is of no use for an unknown user, for two users, unverified, or beside another user's key")
    func refusals() throws {
        let hub = try TestHub()
        let other = try hub.newKey(user: "bob")
        let (core, authenticator) = (hub.hub.core, Authenticator(store: hub.store))
        for credentials in [
            core.credentials(nil, peer(["carillon:eve"])),
            core.credentials(nil, peer(["carillon:ada", "carillon:bob"])),
            core.credentials(nil, peer(["carillon:ada"], hash: nil)), core.credentials(nil, peer([])),
            core.credentials(nil, nil), core.credentials(other, peer(["carillon:ada"])),
            core.credentials("car_none", peer(["carillon:ada"])),
        ] {
            #expect { try authenticator.holder(of: credentials) } throws: { error in
                (error as? ErrorFrameError)?.frame.code == .unauthorized
            }
        }
        let both = try authenticator.holder(of: core.credentials(hub.key, peer(["carillon:ada/laptop"])))
        #expect(both.device == "laptop" && !ShownCertificate.isRecord(prefix: both.keyPrefix))
        // A certificate that says nothing of us is none of ours to judge.
        #expect(try authenticator.holder(of: core.credentials(other, peer(["urn:x"]))).user.name == "bob")
    }

    @Test("opens nothing once it is refused, not with a key either")
    func refused() throws {
        let hub = try TestHub()
        let (core, authenticator) = (hub.hub.core, Authenticator(store: hub.store))
        let count = core.removalCount
        hub.hub.refuse(certificates: [Self.hash])
        #expect(core.removalCount == count + 1)
        for key in [nil, hub.key] {
            #expect { try authenticator.holder(of: core.credentials(key, peer(["carillon:ada"]))) } throws: { error in
                (error as? ErrorFrameError)?.frame.message == Authenticator.refusedCertificate
            }
        }
        hub.hub.refuse(certificates: [])
        #expect(try authenticator.holder(of: core.credentials(nil, peer(["carillon:ada"]))).user.name == "ada")
    }
}
