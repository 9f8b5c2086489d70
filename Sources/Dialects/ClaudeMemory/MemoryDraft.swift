internal import Wire

/// What a POST or a PUT wants written.
struct MemoryDraft: Equatable {
    /// Longest content in bytes of UTF-8. 512 KiB: half of a body, for some clients spell two bytes as four or more.
    static let contentBytesMax = 512 << 10
    /// Longest tags, keywords and category, in Unicode scalars as Python counts them.
    static let labelCountMax = 500

    var content: String?
    var category: String?
    var tags: String?
    var expandedKeywords: String?
    var importance: Memory.Number?
    var isSensitive = false

    /// - Parameter isWhole: of a POST: content must be there. Of a PUT any field may be left out; null is as good as
    ///   that.
    init(body: [UInt8], isWhole: Bool) throws(MemoryRefusal) {
        var fields = MemoryDraft()
        var refusal: MemoryRefusal?
        let trouble = body.withUnsafeBytes { bytes -> JSONError? in
            var scanner = JSONScanner(bytes)
            do throws(JSONError) {
                guard scanner.peek() == UInt8(ascii: "{") else {
                    _ = try scanner.value()
                    try scanner.finish()
                    refusal = .invalid("the body must be an object")
                    return nil
                }
                try scanner.eachField { (scanner, name) throws(JSONError) in
                    let value = try scanner.value()
                    if let fault = scanner.takeFault() { refusal = refusal ?? .invalid(fault.code.sentence) }
                    guard !scanner.isNull(at: value), refusal == nil else { return }
                    do throws(MemoryRefusal) {
                        try fields.take(scanner, name, value)
                    } catch {
                        refusal = error
                    }
                }
                try scanner.finish()
                return nil
            } catch {
                return error
            }
        }
        if let trouble {
            throw MemoryRefusal(400, "bad_json", "\(trouble.code.sentence), at byte \(trouble.offset)")
        }
        if let refusal { throw refusal }
        if isWhole, fields.content == nil { throw .invalid("`content` is missing") }
        self = fields
    }

    private init() {}

    private mutating func take(_ scanner: JSONScanner, _ name: Range<Int>, _ value: Range<Int>) throws(MemoryRefusal) {
        if scanner.isName(name, "content") {
            let text = try scanner.text(at: value, "content")
            guard text.utf8.count <= MemoryDraft.contentBytesMax else {
                throw .invalid("`content` is over \(MemoryDraft.contentBytesMax) bytes")
            }
            guard !text.unicodeScalars.allSatisfy(\.properties.isWhitespace) else {
                throw .invalid("`content` is empty")
            }
            content = text
        } else if scanner.isName(name, "category") {
            category = try scanner.label(at: value, "category")
        } else if scanner.isName(name, "tags") {
            tags = try scanner.label(at: value, "tags")
        } else if scanner.isName(name, "expanded_keywords") {
            expandedKeywords = try scanner.label(at: value, "expanded_keywords")
        } else if scanner.isName(name, "importance") {
            guard let number = scanner.number(at: value), (0...1).contains(number.value) else {
                throw .invalid("`importance` must be a number from 0 to 1")
            }
            importance = number
        } else if scanner.isName(name, "force_sensitive") {
            guard let flag = scanner.boolean(at: value) else {
                throw .invalid("`force_sensitive` must be true or false")
            }
            isSensitive = flag
        }
    }

    /// Without the credentials in it, and marked as sensitive where there were some.
    func redacted(_ redacts: Bool) -> MemoryDraft {
        guard redacts else { return self }
        var draft = self
        for field in [\MemoryDraft.content, \MemoryDraft.tags, \MemoryDraft.expandedKeywords] {
            guard let text = draft[keyPath: field], let clean = Redactor.redact(text) else { continue }
            draft[keyPath: field] = clean
            draft.isSensitive = true
        }
        return draft
    }
}

extension Memory.Number {
    var value: Double { Double(String(decoding: text, as: UTF8.self)) ?? .nan }
}

extension JSONScanner {
    fileprivate func text(at value: Range<Int>, _ name: String) throws(MemoryRefusal) -> String {
        guard let text = string(at: value) else { throw .invalid("`\(name)` must be a string") }
        return text
    }

    fileprivate func label(at value: Range<Int>, _ name: String) throws(MemoryRefusal) -> String {
        let text = try text(at: value, name)
        guard text.unicodeScalars.count <= MemoryDraft.labelCountMax else {
            throw .invalid("`\(name)` is over \(MemoryDraft.labelCountMax) characters")
        }
        return text
    }
}
