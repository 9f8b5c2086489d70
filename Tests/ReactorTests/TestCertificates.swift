import Foundation
import Reactor

/// Certificates for tests, made once with OpenSSL's command, good until 2066: an authority, a server of it for localhost
/// and 127.0.0.1, one for other names, a client, one that expired in 2021, and an authority that nobody trusts.
enum TestCertificates {
    /// The files of all, in a folder of this process.
    static let folder: String = {
        let folder = FileManager.default.temporaryDirectory.appending(path: "carillon-tls-\(getpid())").path
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (name, text) in texts { try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8) }
            try staple.write(to: URL(filePath: "\(folder)/server.ocsp"))
        } catch {
            print("The test certificates cannot be written: \(error)")
        }
        return folder
    }()

    static func path(_ name: String) -> String { "\(folder)/\(name)" }

    static func files(_ name: String, ocsp: String? = nil) -> TLSFiles {
        TLSFiles(chainPath: path("\(name).pem"), keyPath: path("\(name).key"), ocspPath: ocsp.map(path))
    }

    /// A folder of a test's own, with the files of `name` as `live.pem` and `live.key`.
    static func copy(_ name: String) throws -> String {
        let own = "\(folder)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        try replace(own, by: name)
        return own
    }

    static func replace(_ own: String, by name: String) throws {
        try texts["\(name).pem"]?.write(toFile: "\(own)/live.pem", atomically: true, encoding: .utf8)
        try texts["\(name).key"]?.write(toFile: "\(own)/live.key", atomically: true, encoding: .utf8)
    }

    /// An OCSP response of the authority: the server's certificate is good.
    static let staple =
        Data(
            base64Encoded: """
                MIIDAwoBAKCCAvwwggL4BgkrBgEFBQcwAQEEggLpMIIC5TCB1aEkMCIxIDAeBgNVBAMMF0NhcmlsbG9uIHRlc3QgYXV0aG9yaXR5\
                GA8yMDI2MTEyMTE5NTcwMFowdzB1ME0wCQYFKw4DAhoFAAQUsYp4OzRJKoozJxE6JeCFGjusJ88EFG47CraPFN8sNVwr2DanmswE\
                djTHAhRGjE1EHQh254N/VvS2qngI/bfs6IAAGA8yMDI2MTEyMTE5NTcwMFqgERgPMjA2NTAzMjExOTU3MDBaoSMwITAfBgkrBgEF\
                BQcwAQIEEgQQJm7y2mBVmAAwXc5feazm2zAKBggqhkjOPQQDAgNIADBFAiBai527Y62dRAOpo5sTBz/asvSxOhta54/ltTCimfsi\
                hwIhALaq2ECqUgcU1S27Ko5005HbP+fkLlR1R/iId/CKU3bMoIIBszCCAa8wggGrMIIBUaADAgECAhQzv2hUUsfH1Eijm6sGUHva\
                Il8NAjAKBggqhkjOPQQDAjAiMSAwHgYDVQQDDBdDYXJpbGxvbiB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjExOTU3MDBaGA8yMDY2\
                MTExMTE5NTcwMFowIjEgMB4GA1UEAwwXQ2FyaWxsb24gdGVzdCBhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATr\
                bEtT9X4PrChVTKgJBVHWv8vSBjicx0ULnOFLPIc+SpCSO3LUbTX1EQYaw53IWYU8tlJHB6MjQGsSP8r6cOcqo2MwYTAdBgNVHQ4E\
                FgQUbjsKto8U3yw1XCvYNqeazAR2NMcwHwYDVR0jBBgwFoAUbjsKto8U3yw1XCvYNqeazAR2NMcwDwYDVR0TAQH/BAUwAwEB/zAO\
                BgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwIDSAAwRQIhAIRGPIQJivRZ92yJOLMNKY6P+gGz2uk/L/oooPuAKc0nAiBEwWgQDgyQ\
                mcD5/p/ZYcldhDrdLGlCH4ZzjO2/DcsT6Q==
                """) ?? Data()

    private static let texts: [String: String] = [
        "ca.pem": """
        -----BEGIN CERTIFICATE-----
        MIIBqzCCAVGgAwIBAgIUM79oVFLHx9RIo5urBlB72iJfDQIwCgYIKoZIzj0EAwIw
        IjEgMB4GA1UEAwwXQ2FyaWxsb24gdGVzdCBhdXRob3JpdHkwIBcNMjYxMTIxMTk1
        NzAwWhgPMjA2NjExMTExOTU3MDBaMCIxIDAeBgNVBAMMF0NhcmlsbG9uIHRlc3Qg
        YXV0aG9yaXR5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE62xLU/V+D6woVUyo
        CQVR1r/L0gY4nMdFC5zhSzyHPkqQkjty1G019REGGsOdyFmFPLZSRwejI0BrEj/K
        +nDnKqNjMGEwHQYDVR0OBBYEFG47CraPFN8sNVwr2DanmswEdjTHMB8GA1UdIwQY
        MBaAFG47CraPFN8sNVwr2DanmswEdjTHMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0P
        AQH/BAQDAgEGMAoGCCqGSM49BAMCA0gAMEUCIQCERjyECYr0WfdsiTizDSmOj/oB
        s9rpPy/6KKD7gCnNJwIgRMFoEA4MkJnA+f6f2WHJXYQ63SxpQh+Gc4ztvw3LE+k=
        -----END CERTIFICATE-----
        """,
        "otherca.pem": """
        -----BEGIN CERTIFICATE-----
        MIIBjzCCATWgAwIBAgIUU1/ANTX4fDrSV4KR+iMw1xDE/B0wCgYIKoZIzj0EAwIw
        HDEaMBgGA1UEAwwRQW5vdGhlciBhdXRob3JpdHkwIBcNMjYxMTIxMTk1NzAwWhgP
        MjA2NjExMTExOTU3MDBaMBwxGjAYBgNVBAMMEUFub3RoZXIgYXV0aG9yaXR5MFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0V1IDgNW1YgxMm9xHSHSZMtqOPE29zj3
        DWLk5dHOLFQFxnJW8nO6hBnSO+h98joFDf1QpzIj2Yg4uXFWDBsjt6NTMFEwHQYD
        VR0OBBYEFK38Aair0hxv3fidNPtwaVu/EL4RMB8GA1UdIwQYMBaAFK38Aair0hxv
        3fidNPtwaVu/EL4RMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg
        Vzd/9jh6vU3+3hfpviBlUECRNywnIsEk0QxUZVODY28CIQDjKprN/mJ4R2Ec4sld
        VReXwHuJWV1jcuuVIUWviIORDA==
        -----END CERTIFICATE-----
        """,
        "server.pem": """
        -----BEGIN CERTIFICATE-----
        MIIBvDCCAWKgAwIBAgIURoxNRB0IdueDf1b0tqp4CP237OgwCgYIKoZIzj0EAwIw
        IjEgMB4GA1UEAwwXQ2FyaWxsb24gdGVzdCBhdXRob3JpdHkwIBcNMjYxMTIxMTk1
        NzAwWhgPMjA2NjA4MDMxOTU3MDBaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMG
        ByqGSM49AgEGCCqGSM49AwEHA0IABF9Dinn0v/Lmw+Kb0YjwwUuA8IMLm31/TplH
        PbC2+Juday3GI87WbgkE3kV2Jwmx2e+dDknTbNzp5VCNpnmR1NGjgYEwfzAMBgNV
        HRMBAf8EAjAAMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATATBgNVHSUEDDAK
        BggrBgEFBQcDATAfBgNVHSMEGDAWgBRuOwq2jxTfLDVcK9g2p5rMBHY0xzAdBgNV
        HQ4EFgQUWpp1YDmYgUP4X2tgufd/wSsPXCYwCgYIKoZIzj0EAwIDSAAwRQIgevvw
        hBLJ7tt0VnloOwZnX2ZXt0i2MhEMzFtthtM2qIACIQComZvVMklE3IY5mf6znfDx
        BjdTwduEtsHnImEkBooF2g==
        -----END CERTIFICATE-----
        """,
        "server.key": """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgreKUTIrbTjCZeEUH
        KLraX2Cw7XyJgJkq99G/eY6iPHChRANCAARfQ4p59L/y5sPim9GI8MFLgPCDC5t9
        f06ZRz2wtvibnWstxiPO1m4JBN5FdicJsdnvnQ5J02zc6eVQjaZ5kdTR
        -----END PRIVATE KEY-----
        """,
        "second.pem": """
        -----BEGIN CERTIFICATE-----
        MIIBxzCCAW6gAwIBAgIURoxNRB0IdueDf1b0tqp4CP237OkwCgYIKoZIzj0EAwIw
        IjEgMB4GA1UEAwwXQ2FyaWxsb24gdGVzdCBhdXRob3JpdHkwIBcNMjYxMTIxMTk1
        NzAwWhgPMjA2NjA4MDMxOTU3MDBaMBYxFDASBgNVBAMMC3NlY29uZC50ZXN0MFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtKZsZEDFh8Afh3xUfnwoK3lnpDJIK+LG
        fmFG7b3k2c9asytylOwJwiHycxz7yCBclrxCD3rC6mxcHnvUeCAiHKOBizCBiDAM
        BgNVHRMBAf8EAjAAMCMGA1UdEQQcMBqCC3NlY29uZC50ZXN0ggsqLndpbGQudGVz
        dDATBgNVHSUEDDAKBggrBgEFBQcDATAfBgNVHSMEGDAWgBRuOwq2jxTfLDVcK9g2
        p5rMBHY0xzAdBgNVHQ4EFgQUvoY2fyzTyWeOEfOGfQX2MZBJFa8wCgYIKoZIzj0E
        AwIDRwAwRAIgDkpz/4+21VKeuk2LtBfXdgrY7RnHjArRnl8lBlgg8jYCIBd91OEu
        n5mNzUuT11xZ/a5KAGFBzR/v82/rmhDSuCUX
        -----END CERTIFICATE-----
        """,
        "second.key": """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYCWugNBOf0o24SdU
        VOPWCQzxOpesJEVHk1BtD6ngJq6hRANCAAS0pmxkQMWHwB+HfFR+fCgreWekMkgr
        4sZ+YUbtveTZz1qzK3KU7AnCIfJzHPvIIFyWvEIPesLqbFwee9R4ICIc
        -----END PRIVATE KEY-----
        """,
        "client.pem": """
        -----BEGIN CERTIFICATE-----
        MIIBzjCCAXSgAwIBAgIURoxNRB0IdueDf1b0tqp4CP237OowCgYIKoZIzj0EAwIw
        IjEgMB4GA1UEAwwXQ2FyaWxsb24gdGVzdCBhdXRob3JpdHkwIBcNMjYxMTIxMTk1
        NzAwWhgPMjA2NjA4MDMxOTU3MDBaMBkxFzAVBgNVBAMMDmtpdGNoZW4gdGFibGV0
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEyBdG65q0xwkdrEZplRMyy3R2wmIf
        C+srob9sOKEd0vuOhihvSCOTGUcPX3CgR1lnMdzR7FewtLVH06mqLuqfsqOBjjCB
        izAMBgNVHRMBAf8EAjAAMCYGA1UdEQQfMB2GG3VybjpjYXJpbGxvbjpkZXZpY2U6
        a2l0Y2hlbjATBgNVHSUEDDAKBggrBgEFBQcDAjAfBgNVHSMEGDAWgBRuOwq2jxTf
        LDVcK9g2p5rMBHY0xzAdBgNVHQ4EFgQUsf0xWCeGLW1cYsM7DJSr4vZBSlUwCgYI
        KoZIzj0EAwIDSAAwRQIhAMzxA0KgG3WD/E0whG8p/TEmpyW5jbvunsqntOE929Le
        AiARceSuRoW77U6bG6F8LYvmVXmROi0jKCk36NGMx95J9w==
        -----END CERTIFICATE-----
        """,
        "client.key": """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgM6TrYfUcEOhMtYTL
        ymcsO6Pu2l/jLEzPR0ryK0/dGe2hRANCAATIF0brmrTHCR2sRmmVEzLLdHbCYh8L
        6yuhv2w4oR3S+46GKG9II5MZRw9fcKBHWWcx3NHsV7C0tUfTqaou6p+y
        -----END PRIVATE KEY-----
        """,
        "expired.pem": """
        -----BEGIN CERTIFICATE-----
        MIIBqDCCAU2gAwIBAgIBdzAKBggqhkjOPQQDAjAiMSAwHgYDVQQDDBdDYXJpbGxv
        biB0ZXN0IGF1dGhvcml0eTAeFw0yMDAxMDEwMDAwMDBaFw0yMTAxMDEwMDAwMDBa
        MBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
        BJSU8zv3gj42GZMS8+sNwsopPAiKBtquxRp8c3IfZ1Q4d1FajYA5aBYb9wklUa2C
        tyYB/7avGNtRsVYCKFzkA+ujgYEwfzAMBgNVHRMBAf8EAjAAMBoGA1UdEQQTMBGC
        CWxvY2FsaG9zdIcEfwAAATATBgNVHSUEDDAKBggrBgEFBQcDATAfBgNVHSMEGDAW
        gBRuOwq2jxTfLDVcK9g2p5rMBHY0xzAdBgNVHQ4EFgQUarEB/5NvrFBpKwl9fOyy
        +hb/mFMwCgYIKoZIzj0EAwIDSQAwRgIhAOouWgF+rpJyVSM/40+gZcQb/AOe4KFg
        fc+Evr8lcNf1AiEAi+6npcZlzWhrAG9C8Y83Dxxup4MTrWAf+9576Q9+BZM=
        -----END CERTIFICATE-----
        """,
        "expired.key": """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRAZ14u3q52vV9GP9
        D9Zg38DBlhT08lY4ga/ptUAjDsyhRANCAASUlPM794I+NhmTEvPrDcLKKTwIigba
        rsUafHNyH2dUOHdRWo2AOWgWG/cJJVGtgrcmAf+2rxjbUbFWAihc5APr
        -----END PRIVATE KEY-----
        """,
    ]
}
