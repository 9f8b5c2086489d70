internal import Causality
internal import Storage
internal import Wire

/// Cursors and identifiers: one text for each, and a changed digit is noticed.
func names(_ bytes: UnsafeRawBufferPointer) {
    let text = String(decoding: bytes, as: UTF8.self)
    if let cursor = try? Cursor(parsing: text) {
        require(cursor.text == text, "\(text) is read and written as \(cursor.text)")
        var damaged = Array(text.utf8)
        let index = Int(bytes.reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) } % UInt64(damaged.count))
        damaged[index] = damaged[index] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
        require(
            (try? Cursor(parsing: String(decoding: damaged, as: UTF8.self))) == nil, "damaged at \(index), and read")
    }
    if let name = try? Identifier(text) {
        require(Array(name.text.utf8) == Array(text.utf8), "the name is another one")
        require((1...Identifier.bytesMax).contains(name.text.utf8.count), "a name of \(text.utf8.count) bytes")
        require(!text.utf8.contains { $0 < 0x20 || $0 == 0x7f }, "a control character in a name")
        // In a cursor's digest and in JSON it is the same name.
        var written: [UInt8] = []
        written.putString(name.text)
        let read = written.withUnsafeBytes { JSONScanner($0).string(at: 0..<$0.count) }
        require(read.map { Array($0.utf8) } == Array(text.utf8), "a name is read otherwise")
    }
}

/// Vector clocks: the laws of a partial order and of a join.
///
/// Three clocks of the input: each byte is a replica (high bits) and a counter (low bits); 0xff begins the next clock.
func clocks(_ bytes: UnsafeRawBufferPointer) {
    let parts = bytes.prefix(512).split(separator: 0xff, maxSplits: 2, omittingEmptySubsequences: false)
    let read = parts.map { part in
        VectorClock(
            part.map { octet in
                VectorClock.Entry(
                    replica: Identifier(unchecked: "r\(octet >> 4)"),
                    counter: octet & 0x0f == 0x0f ? .max : Int64(octet & 0x0f))
            })
    }
    let a = read[0]
    let b = read.count > 1 ? read[1] : a
    let c = read.count > 2 ? read[2] : b
    checkOrder(a, b)
    checkOrder(b, c)
    require(a.merged(with: b) == b.merged(with: a), "the join of \(a) and \(b) depends on their order")
    require(
        a.merged(with: b).merged(with: c) == a.merged(with: b.merged(with: c)), "the join is not associative")
    require(a.merged(with: a) == a, "the join with itself is another")
    require(a.merged(with: b).dominates(a) && a.merged(with: b).dominates(b), "the join is not above both")
    if a.dominates(b), b.dominates(c) { require(a.dominates(c), "\(a), \(b), \(c): not transitive") }
    let raised = a.incremented("r3")
    require(raised.dominates(a), "an edit goes back")
    require(a["r3"] == .max || raised.compare(a) == .after, "an edit is not after \(a)")
}

private func checkOrder(_ a: VectorClock, _ b: VectorClock) {
    let names = Set((a.entries + b.entries).map(\.replica))
    let isLess = names.contains { a[$0] < b[$0] }
    let isMore = names.contains { a[$0] > b[$0] }
    let naive: ClockOrder =
        switch (isLess, isMore) {
        case (false, false): .equal
        case (true, false): .before
        case (false, true): .after
        case (true, true): .concurrent
        }
    require(a.compare(b) == naive, "\(a) to \(b) is \(a.compare(b)), and by each replica \(naive)")
}

/// Lines of an export: what is read is written as a line that reads as the same.
func export(_ bytes: UnsafeRawBufferPointer) {
    var reader = ExportReader()
    for line in bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 64) {
        do throws(Export.Fault) {
            guard let item = try reader.take(Array(line)) else { continue }
            checkWritten(item)
        } catch {
            require(!error.sentence.isEmpty, "a fault without a sentence")
            return
        }
    }
}

private func checkWritten(_ item: KeptItem) {
    var writer = ExportWriter()
    var reader = ExportReader()
    do throws(Export.Fault) {
        _ = try reader.take(writer.header().dropLastLineFeed)
        let line = try writer.line(of: item)
        let again = try reader.take(line.dropLastLineFeed)
        require(again == item, "read \(String(describing: again))\nwritten \(item)")
    } catch {
        require(false, "written and refused: \(error.sentence) \(item)")
    }
}

extension [UInt8] {
    fileprivate var dropLastLineFeed: [UInt8] { last == UInt8(ascii: "\n") ? Array(dropLast()) : self }
}
