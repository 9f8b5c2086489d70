internal import Cryptography
internal import Foundation
package import Reactor

/// An authority of a test's own and a server of it, with files that go when it is let go.
package final class TestTLS {
    package let server: TLSServer
    private let authority: LocalAuthority
    private let folder: URL
    private static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    /// - Parameters:
    ///   - names: one certificate for each, in this order.
    ///   - clients: whether clients are asked for certificates of this authority.
    package init(_ names: [String] = ["localhost"], clients: ClientCertificates = .none) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "carillon-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        authority = try LocalAuthority.make(now: TestTLS.now)
        let path = folder.appending(path: "ca.pem")
        try Data(authority.certificatePEM.utf8).write(to: path)
        var files: [TLSFiles] = []
        for name in names {
            let issued = try authority.issueServer([.host(name)], now: TestTLS.now)
            files.append(try TestTLS.write(issued, name, in: folder))
        }
        var configuration = TLSServerConfiguration(certificates: files)
        configuration.clientCertificates = clients
        if clients != .none { configuration.clientAuthorityPath = path.path }
        server = try TLSServer(configuration)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private static func write(_ issued: LocalAuthority.Issued, _ name: String, in folder: URL) throws -> TLSFiles {
        let (chain, key) = (folder.appending(path: "\(name).pem"), folder.appending(path: "\(name).key"))
        try Data(issued.certificatePEM.utf8).write(to: chain)
        try Data(issued.keyPEM.utf8).write(to: key)
        return TLSFiles(chainPath: chain.path, keyPath: key.path)
    }

    /// A certificate of this authority's for a client.
    package func client(uri: String) throws -> TLSFiles {
        let issued = try authority.issueClient(uri: uri, commonName: "a test", now: TestTLS.now)
        return try TestTLS.write(issued, UUID().uuidString, in: folder)
    }
}
