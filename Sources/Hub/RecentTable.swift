/// Values by key of which the longest unused are forgotten: two halves, and when the younger is full the older goes.
struct RecentTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let halfMax: Int
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]

    init(countMax: Int) {
        halfMax = max(1, countMax / 2)
    }

    var count: Int { young.count + old.count }

    subscript(key: Key) -> Value? {
        young[key] ?? old[key]
    }

    mutating func set(_ key: Key, _ value: Value) {
        if young[key] == nil, young.count >= halfMax { (old, young) = (young, [:]) }
        old[key] = nil
        young[key] = value
    }

    mutating func remove(_ key: Key) {
        young[key] = nil
        old[key] = nil
    }
}
