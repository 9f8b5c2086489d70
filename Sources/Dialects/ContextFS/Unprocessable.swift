internal import HTTP
internal import Hub
internal import Wire

/// What FastAPI answers to a request that its models do not take: 422, and where it is wrong.
struct Unprocessable: Error {
    let type: StaticString
    let place: [String]
    let message: String
    /// The value in question as JSON.
    var input: [UInt8] = Array("null".utf8)

    static func missing(_ field: String) -> Unprocessable {
        Unprocessable(type: "missing", place: ["body", field], message: "Field required")
    }

    static func notJSON(at offset: Int, _ reason: String = "JSON decode error") -> Unprocessable {
        Unprocessable(
            type: "json_invalid", place: ["body", String(offset)], message: reason, input: Array("{}".utf8))
    }

    var answer: DialectAnswer {
        var out: [UInt8] = []
        out.put("{\"detail\":[{\"type\":\"")
        out.put(type)
        out.put("\",\"loc\":[")
        for (index, part) in place.enumerated() {
            if index > 0 { out.put(",") }
            if let number = Int64(part) { out.putInteger(number) } else { out.putString(part) }
        }
        out.put("],\"msg\":")
        out.putString(message)
        out.put(",\"input\":")
        out += input
        out.put("}]}")
        return DialectAnswer(status: 422, json: out)
    }
}
