/// Bounds of ``AccountStore/note(_:device:of:)``.
public enum DeviceNote {
    /// Notes of one device, and bytes of one: some 1,000 spaces with their positions.
    public static let countMax = 32
    public static let bytesMax = 128 << 10
    /// Bytes of a note's name.
    public static let nameBytes = 1...128

    /// Traps where a caller breaks the contract: names and notes are its own, never a peer's.
    public static func check(_ note: [UInt8], _ name: String) {
        precondition(nameBytes.contains(name.utf8.count) && note.count <= bytesMax, "a note over its bounds")
    }
}
