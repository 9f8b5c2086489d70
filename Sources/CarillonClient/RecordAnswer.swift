public import Causality
internal import Storage
public import Wire

/// The answer of `GET /v1/records/{kind}/{id}`: a head and its siblings.
public enum RecordAnswer {
    public static func decode(_ bytes: [UInt8]) throws(FrameError) -> Record {
        guard let places = places(bytes), let head = places.head else {
            throw FrameError(.badFrame, "the answer is no record")
        }
        // An entry reads the same in a record and in a page of the log.
        let heads = try entries(UInt8(ascii: "["), bytes[head], UInt8(ascii: "]"))
        let siblings = try places.siblings.map { (place) throws(FrameError) in try entries(bytes[place]) } ?? []
        guard let first = heads.first else { throw FrameError(.badFrame, "the answer is no record") }
        return Record(head: first, siblings: siblings)
    }

    private static func entries(
        _ open: UInt8, _ entry: ArraySlice<UInt8>, _ close: UInt8
    ) throws(FrameError) -> [LogEntry] {
        try entries(([open] + entry + [close])[...])
    }

    private static func entries(_ list: ArraySlice<UInt8>) throws(FrameError) -> [LogEntry] {
        let cursor = Cursor(generation: Generation(0), spaceTag: 0, position: .start)
        let page = Array("{\"changes\":".utf8) + list + Array(",\"cursor\":\"\(cursor.text)\",\"has_more\":false}".utf8)
        return try PullPage.decode(page).changes
    }

    private static func places(_ bytes: [UInt8]) -> (head: Range<Int>?, siblings: Range<Int>?)? {
        bytes.withUnsafeBytes { raw in
            var scanner = JSONScanner(raw)
            var places: (head: Range<Int>?, siblings: Range<Int>?) = (nil, nil)
            do throws(JSONError) {
                try scanner.expect(UInt8(ascii: "{"))
                repeat {
                    let name = try scanner.fieldName()
                    let value = try scanner.value()
                    if raw[name].elementsEqual("head".utf8) { places.head = value }
                    if raw[name].elementsEqual("siblings".utf8) { places.siblings = value }
                } while scanner.consume(UInt8(ascii: ","))
                return places
            } catch {
                return nil
            }
        }
    }
}
