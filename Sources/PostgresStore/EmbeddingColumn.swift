internal import CPostgres
internal import Causality
internal import Storage

/// How embeddings lie in this database: in pgvector's type where the extension was there when the tables were made, so
/// that people can search them, else as bytes. The same to the outside.
///
/// pgvector's binary format is int16 dimensions, int16 zero, then each number as a big-endian binary32. It has no empty
/// vector; a column of its own says that there is one (`is_embedded`).
enum EmbeddingColumn: Sendable, Equatable {
    case bytes
    case vector(type: Oid, array: Oid)

    /// Rejects NaN and infinities nowhere: none comes from the wire, and pgvector refuses them itself.
    func array() -> ArrayParameter {
        switch self {
        case .bytes: .bytes()
        case .vector(let type, let array): .values(of: type, array: array)
        }
    }

    func append(_ embedding: [Float]?, to array: ArrayParameter) {
        guard let embedding, !embedding.isEmpty else { return array.appendNull() }
        switch self {
        case .bytes:
            array.append(StoredEmbedding.bytes(embedding))
        case .vector:
            array.append(byteCount: 4 + 4 * embedding.count) { buffer in
                buffer.append(Int16(clamping: embedding.count))
                buffer.append(Int16(0))
                for number in embedding { buffer.append(number.bitPattern) }
            }
        }
    }

    /// nil when `bytes` is not what ``append(_:to:)`` writes.
    func embedding(_ bytes: UnsafeRawBufferPointer) -> [Float]? {
        switch self {
        case .bytes: return StoredEmbedding.embedding(bytes)
        case .vector:
            guard bytes.count >= 4 else { return nil }
            let count = Int(UInt16(bigEndian: bytes.loadUnaligned(as: UInt16.self)))
            guard bytes.count == 4 + 4 * count else { return nil }
            return [Float](unsafeUninitializedCapacity: count) { numbers, initialized in
                for index in 0..<count {
                    let bits = bytes.loadUnaligned(fromByteOffset: 4 + 4 * index, as: UInt32.self)
                    numbers[index] = Float(bitPattern: UInt32(bigEndian: bits))
                }
                initialized = count
            }
        }
    }
}
