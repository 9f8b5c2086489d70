internal import Foundation
internal import Wire

/// A JSON object by the bytes of its fields: what is to be handed on as it came, bodies and clocks, is never encoded
/// anew.
public struct RawObject: Sendable {
    private let fields: [String: ArraySlice<UInt8>]

    /// Nil where `bytes` are not one JSON object.
    public init?(_ bytes: ArraySlice<UInt8>) {
        let bytes = Array(bytes)
        var fields: [String: ArraySlice<UInt8>] = [:]
        let isRead = bytes.withUnsafeBytes { raw in
            do throws(JSONError) {
                var scanner = JSONScanner(raw)
                try scanner.expect(UInt8(ascii: "{"))
                if scanner.consume(UInt8(ascii: "}")) {
                    try scanner.finish()
                    return true
                }
                repeat {
                    let name = try scanner.fieldName()
                    fields[String(decoding: raw[name], as: UTF8.self)] = bytes[try scanner.value()]
                } while scanner.consume(UInt8(ascii: ","))
                try scanner.expect(UInt8(ascii: "}"))
                try scanner.finish()
                return true
            } catch {
                return false
            }
        }
        guard isRead else { return nil }
        self.fields = fields
    }

    public init?(_ bytes: [UInt8]) { self.init(bytes[...]) }

    /// The value's bytes; nil where the field is absent or null.
    public subscript(name: String) -> ArraySlice<UInt8>? {
        fields[name].flatMap { $0.elementsEqual("null".utf8) ? nil : $0 }
    }

    /// Also where it is null, which is a body as any other.
    public func present(_ name: String) -> ArraySlice<UInt8>? { fields[name] }

    public func string(_ name: String) -> String? {
        self[name].flatMap { try? JSONDecoder().decode(String.self, from: Data($0)) }
    }

    public func integer(_ name: String) -> Int64? {
        self[name].flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
    }

    public func boolean(_ name: String) -> Bool { self[name]?.elementsEqual("true".utf8) ?? false }

    public func object(_ name: String) -> RawObject? { self[name].flatMap { RawObject($0) } }

    /// The elements of a list of objects, each with its bytes; nil where it is none.
    public func objects(_ name: String) -> [(bytes: ArraySlice<UInt8>, object: RawObject)]? {
        guard let list = self[name] else { return nil }
        let bytes = Array(list)
        var places: [Range<Int>] = []
        let isRead = bytes.withUnsafeBytes { raw in
            do throws(JSONError) {
                var scanner = JSONScanner(raw)
                try scanner.expect(UInt8(ascii: "["))
                if scanner.consume(UInt8(ascii: "]")) { return true }
                repeat { places.append(try scanner.value()) } while scanner.consume(UInt8(ascii: ","))
                try scanner.expect(UInt8(ascii: "]"))
                return true
            } catch {
                return false
            }
        }
        guard isRead else { return nil }
        var elements: [(bytes: ArraySlice<UInt8>, object: RawObject)] = []
        for place in places {
            guard let object = RawObject(bytes[place]) else { return nil }
            elements.append((bytes[place], object))
        }
        return elements
    }
}
