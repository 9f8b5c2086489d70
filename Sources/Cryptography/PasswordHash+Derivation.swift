internal import COpenSSL

extension PasswordHash {
    /// Whether this OpenSSL has Argon2id.
    public static let hasArgon2id = fetchedArgon2id != nil

    // nonisolated(unsafe): never written again, and OpenSSL's algorithms are shared between threads.
    nonisolated(unsafe) private static let fetchedArgon2id: OpaquePointer? = {
        let found = EVP_KDF_fetch(nil, "ARGON2ID", nil)
        // Not finding it leaves an error on the thread's queue, which later calls would find there.
        if found == nil { ERR_clear_error() }
        return found
    }()

    /// `count` bytes of the password; nil where the library cannot.
    static func derive(_ password: [UInt8], _ salt: [UInt8], _ cost: Cost, count: Int) -> [UInt8]? {
        switch cost {
        case .argon2id(let memory, let passes, let lanes):
            argon2id(password, salt, memory: memory, passes: passes, lanes: lanes, count: count)
        case .scrypt(let logN, let blocks, let lanes):
            scrypt(password, salt, logN: logN, blocks: blocks, lanes: lanes, count: count)
        }
    }

    private static func scrypt(
        _ password: [UInt8], _ salt: [UInt8], logN: UInt32, blocks: UInt32, lanes: UInt32, count: Int
    ) -> [UInt8]? {
        // 128 N r bytes and a little: the library's own bound is 32 MiB, just under what N = 2^15 takes.
        let bytesMax: UInt64 = 160 << 20
        var hash = [UInt8](repeating: 0, count: count)
        let isDone = password.withUnsafeBytes { bytes in
            EVP_PBE_scrypt(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), password.count, salt, salt.count, 1 << logN,
                UInt64(blocks), UInt64(lanes), bytesMax, &hash, count)
        }
        if isDone != 1 { ERR_clear_error() }
        return isDone == 1 ? hash : nil
    }

    private static func argon2id(
        _ password: [UInt8], _ salt: [UInt8], memory: UInt32, passes: UInt32, lanes: UInt32, count: Int
    ) -> [UInt8]? {
        guard let fetchedArgon2id, let context = EVP_KDF_CTX_new(fetchedArgon2id) else { return nil }
        defer { EVP_KDF_CTX_free(context) }
        var (password, salt) = (password, salt)
        // One thread whatever the lanes: the result is the same, and the hub's threads are its own.
        var numbers: [UInt32] = [memory, passes, lanes, 1]
        var hash = [UInt8](repeating: 0, count: count)
        // Names of `provider-docs/man7/EVP_KDF-ARGON2.pod`: the headers of 3.0 do not have them.
        let isDone = password.withUnsafeMutableBytes { password in
            salt.withUnsafeMutableBytes { salt in
                numbers.withUnsafeMutableBufferPointer { numbers -> Int32 in
                    guard let first = numbers.baseAddress else { return 0 }
                    let parameters = [
                        OSSL_PARAM_construct_octet_string("pass", password.baseAddress, password.count),
                        OSSL_PARAM_construct_octet_string("salt", salt.baseAddress, salt.count),
                        OSSL_PARAM_construct_uint32("memcost", first),
                        OSSL_PARAM_construct_uint32("iter", first + 1),
                        OSSL_PARAM_construct_uint32("lanes", first + 2),
                        OSSL_PARAM_construct_uint32("threads", first + 3),
                        OSSL_PARAM_construct_end(),
                    ]
                    return EVP_KDF_derive(context, &hash, count, parameters)
                }
            }
        }
        if isDone != 1 { ERR_clear_error() }
        return isDone == 1 ? hash : nil
    }
}
