public import Causality

// How stores keep what has no column type of its own. Part of every schema: a change here is a migration.

extension VectorClock {
    /// Entry after entry, sorted by replica: LEB128 length, the replica's UTF-8, LEB128 counter. An empty clock is
    /// empty. No query compares it.
    public var storedForm: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.count * 24)
        for entry in entries {
            append(UInt64(entry.replica.text.utf8.count), to: &bytes)
            bytes.append(contentsOf: entry.replica.text.utf8)
            append(UInt64(bitPattern: entry.counter), to: &bytes)
        }
        return bytes
    }

    /// nil when `bytes` is not what ``storedForm`` writes.
    public init?(storedForm bytes: UnsafeRawBufferPointer) {
        var pairs: [Entry] = []
        var index = 0
        while index < bytes.count {
            guard let length = VectorClock.number(in: bytes, at: &index), length <= UInt64(bytes.count - index) else {
                return nil
            }
            let end = index + Int(length)
            let replica = String(decoding: bytes[index..<end], as: UTF8.self)
            index = end
            guard let counter = VectorClock.number(in: bytes, at: &index), counter <= UInt64(Int64.max) else {
                return nil
            }
            pairs.append(Entry(replica: Identifier(unchecked: replica), counter: Int64(counter)))
        }
        self.init(pairs)
    }

    private func append(_ number: UInt64, to bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func number(in bytes: UnsafeRawBufferPointer, at index: inout Int) -> UInt64? {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while index < bytes.count, shift < 64 {
            let byte = bytes[index]
            index += 1
            number |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return number }
            shift += 7
        }
        return nil
    }
}

/// An embedding as bytes: IEEE 754 binary32, little-endian, bit for bit.
public enum StoredEmbedding {
    public static func bytes(_ embedding: [Float]) -> [UInt8] {
        withBytes(embedding) { Array($0) }
    }

    /// Lends the bytes, which on a little-endian machine are those of the array itself.
    public static func withBytes<Value>(_ embedding: [Float], _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        #if _endian(little)
            embedding.withUnsafeBytes(body)
        #else
            embedding.map(\.bitPattern.littleEndian).withUnsafeBytes(body)
        #endif
    }

    /// nil when the number of bytes is no multiple of 4.
    public static func embedding(_ bytes: UnsafeRawBufferPointer) -> [Float]? {
        guard bytes.count % 4 == 0 else { return nil }
        return [Float](unsafeUninitializedCapacity: bytes.count / 4) { numbers, count in
            UnsafeMutableRawBufferPointer(numbers).copyMemory(from: bytes)
            #if _endian(big)
                for index in numbers.indices {
                    numbers[index] = Float(bitPattern: UInt32(littleEndian: numbers[index].bitPattern))
                }
            #endif
            count = bytes.count / 4
        }
    }
}

extension LogEntry {
    /// Who may see it, in a column: ``Visibility/rawValue`` in bits 0 and 1, ``wasShared`` in bit 2. 0, what rows from
    /// before have, is a private one.
    public var storedAccess: Int64 {
        Int64((change.visibility ?? .private).rawValue) | (wasShared ? 4 : 0)
    }

    /// Reads what ``storedAccess`` wrote; bits that this program does not know say `private`.
    public static func visibility(storedAccess: Int64) -> Visibility {
        Visibility(rawValue: UInt8(truncatingIfNeeded: storedAccess & 3)) ?? .private
    }

    public static func wasShared(storedAccess: Int64) -> Bool { storedAccess & 4 != 0 }
}
