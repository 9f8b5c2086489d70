internal import Wire

/// Where the items of a push lie, found while its bytes go by: the body is never in memory whole.
///
/// Goes by quotes and brackets and leaves it to the decoder of an item whether all between is JSON, so that one bad item
/// is refused alone. States: what may stand next in the request's own object.
struct PushIndex {
    struct Item: Sendable {
        let entity: Entity
        let start: Int
        let end: Int
    }

    private enum State {
        case begin, nameOrEnd, name, inName, colon, value, inValue, afterValue
        case elementOrEnd, element, inElement, afterElement, end
    }

    /// Bytes of a name, and of a value that is not a list of items: names and dates.
    private static let textBytesMax = 4_096
    private static let depthMax = 512

    private(set) var items: [Item] = []
    /// The values of the request's other fields as JSON, by name.
    private(set) var fields: [String: [UInt8]] = [:]
    private let itemsMax: Int

    private var state = State.begin
    private var name: [UInt8] = []
    private var value: [UInt8] = []
    private var start = 0
    private var entity = Entity.memory
    /// Closing brackets of what is open in the value at hand.
    private var open: [UInt8] = []
    private var isInString = false
    private var isEscaped = false
    private var isScalar = false

    init(itemsMax: Int) {
        self.itemsMax = itemsMax
    }

    /// - Throws: ``Malformed`` where the bytes are no object of lists and values.
    mutating func read(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(Malformed) {
        var index = 0
        while index < bytes.count {
            if state == .inValue || state == .inElement {
                let from = index
                let isDone = try skim(bytes, &index, offset)
                if state == .inValue, value.count <= PushIndex.textBytesMax {
                    value.append(contentsOf: bytes[from..<index].prefix(PushIndex.textBytesMax + 1))
                }
                if isDone { try finishValue(offset + index) }
                continue
            }
            let byte = bytes[index]
            if state == .inName {
                index += 1
                takeName(byte)
                continue
            }
            switch byte {
            case 0x20, 0x0a, 0x0d, 0x09: index += 1
            default: try take(byte, &index, offset)
            }
        }
    }

    /// - Throws: ``Malformed`` where the object has not ended.
    func finish(_ count: Int) throws(Malformed) {
        guard case .end = state else { throw Malformed(offset: count) }
    }

    private mutating func take(_ byte: UInt8, _ index: inout Int, _ offset: Int) throws(Malformed) {
        let place = offset + index
        switch (state, byte) {
        case (.begin, UInt8(ascii: "{")): state = .nameOrEnd
        case (.nameOrEnd, UInt8(ascii: "}")), (.afterValue, UInt8(ascii: "}")): state = .end
        case (.nameOrEnd, UInt8(ascii: "\"")), (.name, UInt8(ascii: "\"")):
            name.removeAll(keepingCapacity: true)
            isEscaped = false
            state = .inName
        case (.colon, UInt8(ascii: ":")): state = .value
        case (.value, _):
            if byte == UInt8(ascii: "["), let entity = Entity(list: String(decoding: name, as: UTF8.self)) {
                self.entity = entity
                state = .elementOrEnd
                break
            }
            value.removeAll(keepingCapacity: true)
            try begin(byte, place)
            state = .inValue
            return
        case (.afterValue, UInt8(ascii: ",")): state = .name
        case (.elementOrEnd, UInt8(ascii: "]")), (.afterElement, UInt8(ascii: "]")): state = .afterValue
        case (.afterElement, UInt8(ascii: ",")): state = .element
        case (.elementOrEnd, _), (.element, _):
            start = place
            try begin(byte, place)
            state = .inElement
            return
        default: throw Malformed(offset: place)
        }
        index += 1
    }

    private mutating func takeName(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\"") {
            state = .colon
            return
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        }
        if name.count <= PushIndex.textBytesMax { name.append(byte) }
    }

    private mutating func begin(_ byte: UInt8, _ place: Int) throws(Malformed) {
        open.removeAll(keepingCapacity: true)
        (isInString, isEscaped, isScalar) = (false, false, false)
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""): break
        case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "}"), UInt8(ascii: "]"): throw Malformed(offset: place)
        default: isScalar = true
        }
    }

    private mutating func finishValue(_ end: Int) throws(Malformed) {
        if state == .inElement {
            guard items.count < itemsMax else { throw Malformed(offset: end, reason: "over \(itemsMax) items") }
            items.append(Item(entity: entity, start: start, end: end))
            state = .afterElement
            return
        }
        fields[String(decoding: name, as: UTF8.self)] = value
        state = .afterValue
    }

    /// Passes over the value at hand; whether it ended.
    private mutating func skim(
        _ bytes: UnsafeRawBufferPointer, _ index: inout Int, _ offset: Int
    ) throws(Malformed) -> Bool {
        while index < bytes.count {
            if isInString {
                skimString(bytes, &index)
                if isInString { return false }
                if open.isEmpty { return true }
                continue
            }
            if isScalar {
                switch bytes[index] {
                case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x0a, 0x0d, 0x09: return true
                case UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "["): throw Malformed(offset: offset + index)
                default: index += 1
                }
                continue
            }
            index = PushIndex.plainEnd(bytes, from: index)
            guard index < bytes.count else { return false }
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard open.count < PushIndex.depthMax else { throw Malformed(offset: offset + index - 1) }
                open.append(byte + 2)
            default:
                guard open.popLast() == byte else { throw Malformed(offset: offset + index - 1) }
                if open.isEmpty { return true }
            }
        }
        return false
    }

    private mutating func skimString(_ bytes: UnsafeRawBufferPointer, _ index: inout Int) {
        if isEscaped {
            isEscaped = false
            index += 1
        }
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "\"") {
                isInString = false
                return
            }
            if byte == UInt8(ascii: "\\") {
                guard index < bytes.count else {
                    isEscaped = true
                    return
                }
                index += 1
            }
        }
    }

    /// The next quote or bracket. By words of 8 bytes: nearly all of a push is numbers.
    @inline(__always)
    private static func plainEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var index = start
        let count = bytes.count
        while index &+ 8 <= count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            // Brackets and braces differ by one bit.
            let folded = word | (ones &* 0x20)
            let opening = folded ^ (ones &* 0x7b)
            let closing = folded ^ (ones &* 0x7d)
            let marks =
                (((quote &- ones) & ~quote) | ((opening &- ones) & ~opening) | ((closing &- ones) & ~closing)) & highs
            // The lowest mark is true: a borrow marks falsely only above one that is.
            if marks != 0 { return index &+ marks.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < count {
            switch bytes[index] {
            case 0x22, 0x5b, 0x5d, 0x7b, 0x7d: return index
            default: index &+= 1
            }
        }
        return index
    }
}

/// The request is not JSON.
struct Malformed: Error {
    let offset: Int
    var reason = "JSON decode error"
}
