internal import Causality
internal import Foundation
internal import Storage
internal import Wire

/// What hubs say to each other: a line that is read is written as lines that say the same.
func busLine(_ bytes: UnsafeRawBufferPointer) {
    guard let (hub, line) = BusLine.parse(String(decoding: bytes, as: UTF8.self)) else { return }
    let written = line.lines(of: hub)
    let again = written.map { BusLine.parse($0) }
    require(again.allSatisfy { $0?.hub == hub }, "\(written) is not of \(hub)")
    switch line {
    case .committed(let generation, let stretches):
        let told = again.compactMap { if case .committed(generation, let more)? = $0?.line { more } else { nil } }
        require(told.flatMap { $0 } == stretches, "\(written) does not say \(stretches)")
    case .seated(let seats):
        let told = again.compactMap { if case .seated(let more)? = $0?.line { more } else { nil } }
        require(told.flatMap { $0 } == seats, "\(written) does not say \(seats)")
    case .streams(let counts):
        let told = again.compactMap { if case .streams(let more)? = $0?.line { more } else { nil } }
        require(told.flatMap { $0 } == counts, "\(written) does not say \(counts)")
    case .revoked, .stopped: require(again.first??.line == line, "\(written) is not \(line)")
    }
}

/// Objects as the client hands them on: what is an object to it is one to Foundation, with the same names.
func rawObject(_ bytes: UnsafeRawBufferPointer) {
    guard let object = RawObject(Array(bytes)) else { return }
    for name in ["a", "id", "clock", "changes", "body"] {
        _ = object.integer(name)
        _ = object.boolean(name)
        _ = object.object(name)
        if let text = object.string(name) {
            require(object.present(name)?.first == UInt8(ascii: "\""), "\(text) of what is no string")
        }
        for element in object.objects(name) ?? [] {
            require(RawObject(element.bytes) != nil, "an element that is no object")
        }
    }
}
