internal import COpenSSL

/// A text in OpenSSL's memory, for what it reads from there or writes there. Whoever reads a key passes a callback that
/// has no password: without one OpenSSL asks for it on the terminal.
enum OpenSSLMemory {
    /// Bytes of a certificate or key that are read: a chain of ten large ones has some 20 KiB.
    static let pemBytesMax = 1 << 20

    /// Calls `body` with a source that gives `text`; nil where it is too long, or there is no memory.
    static func reading<Value>(_ text: String, _ body: (OpaquePointer) -> Value?) -> Value? {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.count <= pemBytesMax else { return nil }
        return bytes.withUnsafeBytes { bytes in
            guard let source = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return nil }
            defer {
                BIO_free(source)
                // What was no PEM leaves an error on the thread's queue, which later calls would find there.
                ERR_clear_error()
            }
            return body(source)
        }
    }

    /// What `body` writes, which is little; nil where it says that it failed.
    static func written(_ body: (OpaquePointer) -> Bool) -> String? {
        guard let sink = BIO_new(BIO_s_mem()) else { return nil }
        defer {
            BIO_free(sink)
            ERR_clear_error()
        }
        guard body(sink) else { return nil }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = BIO_read(sink, &piece, Int32(piece.count))
            guard count > 0 else { break }
            bytes += piece[..<Int(count)]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
