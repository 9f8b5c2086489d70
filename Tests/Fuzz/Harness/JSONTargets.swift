internal import Foundation
internal import Wire

/// JSON: judged as Foundation judges it, but for the rules named in `isOurRule`; the values that are read are the same.
func json(_ bytes: UnsafeRawBufferPointer) {
    withOwnMemory(bytes) { memory in
        let raw = UnsafeRawBufferPointer(memory)
        do throws(JSONError) {
            let range = try JSONScanner.validate(raw)
            require(range.lowerBound >= 0 && range.upperBound <= raw.count && !range.isEmpty, "lies at \(range)")
            checkAccepted(raw, range)
        } catch {
            require(error.offset >= 0 && error.offset <= raw.count, "\(error) outside of \(raw.count) bytes")
            checkRefused(raw, error)
        }
    }
}

/// What we take, Foundation takes, and it reads the same string or whole number.
private func checkAccepted(_ raw: UnsafeRawBufferPointer, _ range: Range<Int>) {
    let scanner = JSONScanner(raw)
    let data = Data(raw[range])
    let theirs: Any
    do {
        theirs = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
    } catch {
        // RFC 8259 6 bounds no number; a Double does.
        let isNumber = "\((error as NSError).userInfo)".contains("not representable")
        return require(isNumber, "accepted, and Foundation says \(error as NSError)")
    }
    if let text = scanner.string(at: range) {
        // Foundation loses a byte order mark within a string.
        let isMarked = text.unicodeScalars.contains("\u{feff}")
        require(isMarked || theirs as? String == text, "\(text.debugDescription) and \(theirs)")
        var written: [UInt8] = []
        written.putString(text)
        written.withUnsafeBytes { again in
            let place = try? JSONScanner.validate(again)
            require(place == 0..<again.count, "a string that we wrote is not valid: \(written)")
            let read = JSONScanner(again).string(at: 0..<again.count)
            require(read.map { Array($0.utf8) } == Array(text.utf8), "a string is read otherwise: \(written)")
        }
    }
    if let number = scanner.integer(at: range) {
        require((theirs as? NSNumber)?.int64Value == number, "\(number) and \(theirs)")
    }
    if let truth = scanner.boolean(at: range) { require(theirs as? Bool == truth, "\(truth) and \(theirs)") }
    require((theirs is NSNull) == scanner.isNull(at: range), "null and \(theirs)")
    checkWalk(raw)
}

/// An object's or list's parts, walked one by one, are where the whole validation went.
private func checkWalk(_ raw: UnsafeRawBufferPointer) {
    var scanner = JSONScanner(raw)
    guard let first = scanner.peek(), first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return }
    do throws(JSONError) {
        if first == UInt8(ascii: "{") {
            try scanner.eachField { (scanner, _) throws(JSONError) in _ = try scanner.value() }
        } else {
            try scanner.eachElement { (scanner) throws(JSONError) in _ = try scanner.value() }
        }
        try scanner.finish()
    } catch {
        require(false, "valid as a whole, and not part by part: \(error)")
    }
}

/// What we refuse, Foundation refuses, but for what is ours alone.
private func checkRefused(_ raw: UnsafeRawBufferPointer, _ error: JSONError) {
    switch error.code {
    case .tooDeep, .loneSurrogate: return
    case .truncated, .unexpectedByte, .badNumber, .badEscape, .controlCharacter, .badUTF8, .trailingBytes: break
    }
    // Foundation guesses UTF-16, UTF-32 and byte order marks; we read UTF-8 (RFC 8259 8.1).
    guard !raw.contains(0), !raw.contains(0xfe), !raw.contains(0xff), !raw.starts(with: [0xef, 0xbb, 0xbf]) else {
        return
    }
    // Foundation forgives a comma before the end; RFC 8259 does not.
    if error.code == .unexpectedByte, error.offset < raw.count, "]}".utf8.contains(raw[error.offset]),
        raw[..<error.offset].last(where: { !" \n\r\t".utf8.contains($0) }) == UInt8(ascii: ",")
    {
        return
    }
    let theirs = try? JSONSerialization.jsonObject(with: Data(raw), options: .fragmentsAllowed)
    require(theirs == nil, "refused as \(error), and Foundation reads \(String(describing: theirs))")
}

/// Floats: each as `strtof` rounds it, and written as a text that reads back as the same bits.
func floats(_ bytes: UnsafeRawBufferPointer) {
    withOwnMemory(bytes) { memory in
        let raw = UnsafeRawBufferPointer(memory)
        guard let numbers = FloatList.read(raw, countMax: 64) else { return }
        require((try? JSONScanner.validate(raw)) != nil, "numbers of what is not JSON")
        require(numbers.allSatisfy(\.isFinite), "not finite: \(numbers)")
        let inner = raw.filter { !" \n\r\t[]".utf8.contains($0) }
        let texts = inner.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
        require(texts.count == numbers.count, "\(numbers.count) numbers of \(texts)")
        for (text, number) in zip(texts, numbers) {
            let theirs = strtof(text, nil)
            require(theirs.bitPattern == number.bitPattern, "\(text): \(number), and the C library says \(theirs)")
        }
        var written: [UInt8] = []
        FloatList.write(numbers, into: &written)
        let again = written.withUnsafeBytes { FloatList.read($0, countMax: 64) }
        require(again?.map(\.bitPattern) == numbers.map(\.bitPattern), "written \(numbers), read \(again ?? [])")
    }
    floatBits(bytes)
}

/// The input's bytes as floats, written: the shortest text, the one of the standard library.
private func floatBits(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 4 else { return }
    let number = Float(bitPattern: bytes.loadUnaligned(as: UInt32.self))
    guard number.isFinite else { return }
    var written: [UInt8] = []
    FloatList.write([number], into: &written)
    let text = String(decoding: written.dropFirst().dropLast(), as: UTF8.self)
    require(text == number.description, "\(text) and not \(number.description)")
}
