import Causality
import Foundation
import Hub
import HubTesting
import WatermelonDBDialect

extension TestHub {
    /// A hub that speaks WatermelonDB, on a store of its own.
    static func watermelon(_ store: HubStore, configure: (inout HubConfiguration) -> Void = { _ in }) throws -> TestHub
    {
        try TestHub(store: store.open()) {
            $0.dialects = [MountedDialect(WatermelonDBDialect())]
            configure(&$0)
        }
    }

    /// A pull's answer, as JSON.
    func pull(
        _ since: Int64?, device: String? = "phone", _ more: String = "", key: String? = nil
    ) throws -> WatermelonDBPull {
        let answer = try request(
            "GET", "/sync?last_pulled_at=\(since.map { String($0) } ?? "null")&schema_version=1&migration=null\(more)",
            key: key, fields: device.map { "X-Device-Id: \($0)\r\n" } ?? "")
        guard answer.status == 200 else { throw SocketPeer.Failure(description: "pull: \(answer)") }
        return try JSONDecoder().decode(WatermelonDBPull.self, from: Data(answer.body.utf8))
    }

    /// A push in the form of the documentation: its status and its answer.
    @discardableResult
    func push(
        _ changes: String, since: Int64?, device: String? = "phone", key: String? = nil
    ) throws -> (status: Int, body: String) {
        let answer = try request(
            "POST", "/sync?last_pulled_at=\(since.map { String($0) } ?? "null")", body: changes, key: key,
            fields: "Content-Type: text/plain;charset=UTF-8\r\n" + (device.map { "X-Device-Id: \($0)\r\n" } ?? ""))
        return (answer.status, answer.body)
    }
}

struct WatermelonDBPull: Decodable {
    typealias Row = [String: JSONValue]

    struct Table: Decodable {
        let created: [Row]
        let updated: [Row]
        let deleted: [String]
    }

    let changes: [String: Table]
    let timestamp: Int64
    let experimentalStrategy: String?

    func ids(_ list: KeyPath<Table, [Row]>, _ table: String = "tasks") -> [String] {
        (changes[table]?[keyPath: list] ?? []).map { row in
            if case .string(let id)? = row["id"] { id } else { "" }
        }
    }

    func deleted(_ table: String = "tasks") -> [String] { changes[table]?.deleted ?? [] }
}

/// Deterministic, and told when a test fails.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
