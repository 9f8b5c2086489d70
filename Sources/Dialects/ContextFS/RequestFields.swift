internal import Causality
internal import Hub
internal import Wire

/// The fields of a request's object, by name, as JSON.
struct RequestFields {
    private let values: [String: [UInt8]]

    init(_ values: [String: [UInt8]]) {
        self.values = values
    }

    init(_ body: DialectBody, bytesMax: Int) throws {
        let bytes = try body.whole(bytesMax: bytesMax)
        var values: [String: [UInt8]] = [:]
        try bytes.withUnsafeBytes { bytes in
            var walker = JSONScanner(bytes)
            do throws(JSONError) {
                let scanner = walker
                try walker.eachField { (walker: inout JSONScanner, name: Range<Int>) throws(JSONError) in
                    let value = try walker.value()
                    let name = scanner.string(at: (name.lowerBound - 1)..<(name.upperBound + 1)) ?? ""
                    values[name] = Array(bytes[value])
                }
                try walker.finish()
            } catch {
                throw Unprocessable.notJSON(at: error.offset)
            }
        }
        self.values = values
    }

    /// The JSON of a field; nil where it is absent or null.
    func json(_ name: String) -> [UInt8]? {
        guard let value = values[name], value != Array("null".utf8) else { return nil }
        return value
    }

    private func wrong(_ name: String, _ type: StaticString, _ message: String) -> Unprocessable {
        let input = values[name] ?? Array("null".utf8)
        let isJSON = input.withUnsafeBytes { (try? JSONScanner.validate($0)) != nil }
        return Unprocessable(
            type: type, place: ["body", name], message: message,
            input: isJSON && input.count <= 1_024 ? input : Array("null".utf8))
    }

    private func read<Value>(_ name: String, _ body: (JSONScanner, Range<Int>) -> Value?) -> Value? {
        guard let value = json(name) else { return nil }
        return value.withUnsafeBytes { bytes in
            guard let range = try? JSONScanner.validate(bytes) else { return nil }
            return body(JSONScanner(bytes), range)
        }
    }

    func text(_ name: String) throws -> String? {
        guard json(name) != nil else { return nil }
        guard let text = read(name, { $0.string(at: $1) }), !text.utf8.contains(0) else {
            throw wrong(name, "string_type", "Input should be a valid string")
        }
        return text
    }

    func needText(_ name: String) throws -> String {
        guard let text = try text(name) else { throw Unprocessable.missing(name) }
        return text
    }

    func device() throws -> Identifier {
        let text = try needText("device_id")
        do throws(IdentifierError) {
            return try Identifier(text)
        } catch {
            throw wrong("device_id", "value_error", "Value error, \(error.sentence)")
        }
    }

    func flag(_ name: String) throws -> Bool {
        guard json(name) != nil else { return false }
        guard let flag = read(name, { $0.boolean(at: $1) }) else {
            throw wrong(name, "bool_parsing", "Input should be a valid boolean")
        }
        return flag
    }

    func integer(_ name: String, in range: ClosedRange<Int64>, default value: Int64) throws -> Int64 {
        guard json(name) != nil else { return value }
        guard let number = read(name, { $0.integer(at: $1) }) else {
            throw wrong(name, "int_parsing", "Input should be a valid integer")
        }
        guard number >= range.lowerBound else {
            throw wrong(
                name, "greater_than_equal", "Input should be greater than or equal to \(range.lowerBound)")
        }
        guard number <= range.upperBound else {
            throw wrong(name, "less_than_equal", "Input should be less than or equal to \(range.upperBound)")
        }
        return number
    }

    func date(_ name: String) throws -> Int64? {
        guard let text = try text(name) else { return nil }
        guard let date = ISODate.read(text.utf8) else {
            throw wrong(name, "datetime_from_date_parsing", "Input should be a valid datetime")
        }
        return date.microseconds
    }

    /// A list of namespaces; empty where all are asked for.
    func namespaces() throws -> Set<Identifier> {
        let name = "namespace_ids"
        guard let value = json(name) else { return [] }
        var namespaces: Set<Identifier>? = []
        value.withUnsafeBytes { bytes in
            var walker = JSONScanner(bytes)
            guard walker.peek() == UInt8(ascii: "[") else {
                namespaces = nil
                return
            }
            try? walker.eachElement { (walker: inout JSONScanner) throws(JSONError) in
                let place = try walker.value()
                guard let text = walker.string(at: place), let namespace = try? Identifier(text) else {
                    namespaces = nil
                    return
                }
                namespaces?.insert(namespace)
            }
        }
        guard let namespaces else {
            throw wrong(name, "list_type", "Input should be a valid list of strings")
        }
        return namespaces
    }
}
