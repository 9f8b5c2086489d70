internal import Glibc

/// Writes push frames by hand into one reused buffer.
struct PushWriter: ~Copyable {
    let run: UInt32
    let changesPerPush: Int
    let bodyBytes: Int
    let records: Int
    let sendsHash: Bool
    private var buffer: UnsafeMutableRawBufferPointer
    private var count = 0

    /// An item but for its replica and its body is some 110 bytes.
    private static let itemOverheadBytes = 192
    private static let frameOverheadBytes = 64
    /// The protocol's limit of names.
    private static let replicaBytesMax = 256

    init(run: UInt32, plan: LoadPlan) {
        self.run = run
        changesPerPush = plan.changesPerPush
        bodyBytes = plan.bodyBytes
        records = plan.recordsPerPublisher
        sendsHash = plan.sendsHash
        let item = PushWriter.itemOverheadBytes + PushWriter.replicaBytesMax + plan.bodyBytes
        buffer = .allocate(byteCount: PushWriter.frameOverheadBytes + plan.changesPerPush * item, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// The frame; valid until the next call.
    /// - Parameter intended: nanoseconds since the run's epoch.
    mutating func push(
        _ push: UInt32, publisher: Publisher, firstSequence: UInt32, intended: UInt64
    ) -> UnsafeRawBufferPointer {
        count = 0
        put("{\"type\":\"push\",\"id\":\"")
        put(hex: UInt64(push), 8)
        put("\",\"changes\":[")
        for index in 0..<changesPerPush {
            let sequence = firstSequence &+ UInt32(index)
            put(index == 0 ? "{\"kind\":\"load\",\"id\":\"" : ",{\"kind\":\"load\",\"id\":\"")
            put(hex: UInt64(run), 8)
            put("-")
            put(hex: UInt64(publisher.number), 6)
            put("-")
            let (record, counter) = version(of: sequence)
            put(hex: UInt64(record), 8)
            put("\",\"clock\":{\"")
            put(publisher.replica)
            put("\":")
            put(decimal: counter)
            put("}")
            if sendsHash {
                put(",\"hash\":\"")
                put(hex: UInt64(publisher.number), 6)
                put(hex: UInt64(sequence), 8)
                put("\"")
            }
            put(",\"body\":")
            message(publisher, sequence, intended)
            put("}")
        }
        put("]}")
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }

    /// A raw message: a body alone.
    mutating func raw(publisher: Publisher, sequence: UInt32, intended: UInt64) -> UnsafeRawBufferPointer {
        count = 0
        message(publisher, sequence, intended)
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }

    /// Which record a change is of, and its counter in the record's clock.
    func version(of sequence: UInt32) -> (record: UInt32, counter: UInt64) {
        guard records > 0 else { return (sequence, 1) }
        let records = UInt32(records)
        return (sequence % records, UInt64(sequence / records) + 1)
    }

    private mutating func message(_ publisher: Publisher, _ sequence: UInt32, _ intended: UInt64) {
        guard let base = buffer.baseAddress else { return }
        Stamp(run: run, publisher: publisher.number, sequence: sequence, intended: intended)
            .write(to: base + count, count: bodyBytes)
        count += bodyBytes
    }

    private mutating func put(_ text: StaticString) {
        guard let base = buffer.baseAddress else { return }
        memcpy(base + count, text.utf8Start, text.utf8CodeUnitCount)
        count += text.utf8CodeUnitCount
    }

    private mutating func put(_ bytes: [UInt8]) {
        guard let base = buffer.baseAddress else { return }
        memcpy(base + count, bytes, bytes.count)
        count += bytes.count
    }

    private mutating func put(hex value: UInt64, _ digits: Int) {
        guard let base = buffer.baseAddress else { return }
        Hex.write(value, digits: digits, to: base + count)
        count += digits
    }

    private mutating func put(decimal value: UInt64) {
        guard let base = buffer.baseAddress else { return }
        var digits = 1
        var bound: UInt64 = 10
        while value >= bound {
            digits += 1
            bound &*= 10
        }
        var rest = value
        for place in stride(from: digits - 1, through: 0, by: -1) {
            base.storeBytes(of: 0x30 + UInt8(rest % 10), toByteOffset: count + place, as: UInt8.self)
            rest /= 10
        }
        count += digits
    }
}
