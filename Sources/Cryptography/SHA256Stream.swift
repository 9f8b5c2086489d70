internal import COpenSSL

/// SHA-256 (FIPS 180-4) of what comes piece by piece. One thread's at a time.
public final class SHA256Stream {
    private let context: OpaquePointer

    public init() {
        guard let made = EVP_MD_CTX_new(), EVP_DigestInit_ex(made, EVP_sha256(), nil) == 1 else {
            preconditionFailure("OpenSSL has no SHA-256")
        }
        context = made
    }

    public func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "SHA-256 failed")
    }

    public func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The 32 bytes of all so far. Nothing may follow.
    public func finish() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { out, count in
            precondition(EVP_DigestFinal_ex(context, out.baseAddress, nil) == 1, "SHA-256 failed")
            count = 32
        }
    }

    deinit { EVP_MD_CTX_free(context) }
}
