import Foundation
import HubTesting

/// An app of one table `tasks` that syncs as the client does (0.28: pull, apply, push, mark as synced), and breaks off
/// where it is told to.
final class WatermelonDBApp {
    enum Fault: CaseIterable {
        case none
        /// The answer to the pull never came.
        case lostPull
        /// The process ended when the changes were applied, before the timestamp was kept.
        case crashBeforeTimestamp
        /// The answer to the push never came; the hub may have applied it.
        case lostPush
    }

    enum Status {
        case synced
        case created
        case updated
        case deleted
    }

    struct Row {
        var columns: [String: JSONValue]
        var status: Status
        var changed: Set<String> = []
    }

    let device: String?
    let hub: TestHub
    private(set) var rows: [String: Row] = [:]
    private(set) var lastPulledAt: Int64?
    private(set) var conflictCount = 0
    /// Whether the app asks for everything under `updated`.
    let sendsCreatedAsUpdated: Bool

    init(_ hub: TestHub, device: String?, sendsCreatedAsUpdated: Bool = false) {
        self.hub = hub
        self.device = device
        self.sendsCreatedAsUpdated = sendsCreatedAsUpdated
    }

    /// Whether the client comes through such a crash. What it then deletes comes back to it under `created`, but where
    /// the hub knows the device, or where it asks for all under `updated`; a first pull, made again, is all `created`.
    var mayCrashBeforeTimestamp: Bool { (device != nil || sendsCreatedAsUpdated) && lastPulledAt != nil }

    /// What the user sees.
    var live: [String: [String: JSONValue]] { rows.filter { $1.status != .deleted }.mapValues(\.columns) }

    var isDirty: Bool { rows.values.contains { $0.status != .synced } }

    // MARK: The user

    func set(_ column: String, _ value: Int64, of id: String) {
        guard var row = rows[id] else {
            rows[id] = Row(columns: ["id": .string(id), column: .integer(value)], status: .created)
            return
        }
        row.columns[column] = .integer(value)
        if row.status == .synced { row.status = .updated }
        row.changed.insert(column)
        rows[id] = row
    }

    func delete(_ id: String) { rows[id]?.status = .deleted }

    // MARK: The client's algorithm

    /// Returns whether it came to its end.
    @discardableResult
    func synchronize(_ fault: Fault = .none, meanwhile edit: () -> Void = {}) throws -> Bool {
        let pulled = try hub.pull(
            lastPulledAt, device: device, sendsCreatedAsUpdated ? "&sendCreatedAsUpdated=true" : "")
        guard fault != .lostPull else { return false }
        apply(pulled)
        guard fault != .crashBeforeTimestamp else { return false }
        lastPulledAt = pulled.timestamp
        let pushed = rows.filter { $1.status != .synced }
        guard !pushed.isEmpty else { return true }
        edit()
        let answer = try hub.push(WatermelonDBApp.changes(pushed), since: lastPulledAt, device: device)
        guard fault != .lostPush else { return false }
        guard answer.status == 200 else {
            conflictCount += answer.status == 409 ? 1 : 0
            return false
        }
        for (id, old) in pushed where rows[id].map({ $0.columns == old.columns && $0.status == old.status }) == true {
            if old.status == .deleted {
                rows[id] = nil
            } else {
                rows[id]?.status = .synced
                rows[id]?.changed = []
            }
        }
        return true
    }

    private func apply(_ pulled: WatermelonDBPull) {
        let table = pulled.changes["tasks"]
        let (created, updated) = (table?.created ?? [], table?.updated ?? [])
        if pulled.experimentalStrategy == "replacement" {
            let kept = Set(pulled.ids(\.created) + pulled.ids(\.updated))
            rows = rows.filter { kept.contains($0.key) || $0.value.status == .created }
        }
        for row in created { apply(row, isCreated: true) }
        for row in updated { apply(row, isCreated: false) }
        for id in table?.deleted ?? [] { rows[id] = nil }
    }

    private func apply(_ remote: WatermelonDBPull.Row, isCreated: Bool) {
        guard case .string(let id)? = remote["id"] else { return }
        guard let local = rows[id] else {
            rows[id] = Row(columns: remote, status: .synced)
            return
        }
        switch local.status {
        case .synced: rows[id] = Row(columns: remote, status: .synced)
        // The echo trap: what was deleted comes back.
        case .deleted where isCreated: rows[id] = Row(columns: remote, status: .synced)
        case .deleted: break
        case .created, .updated:
            // Column by column: what was changed here stays.
            var merged = local.columns.merging(remote) { $1 }
            for column in local.changed { merged[column] = local.columns[column] }
            rows[id] = Row(columns: merged, status: .updated, changed: local.changed)
        }
    }

    private static func changes(_ rows: [String: Row]) throws -> String {
        func list(_ status: Status) -> JSONValue {
            .array(
                rows.filter { $1.status == status }.sorted { $0.key < $1.key }.map { id, row in
                    if status == .deleted { return .string(id) }
                    return .object(
                        row.columns.merging([
                            "_status": .string("\(status)"), "_changed": .string(row.changed.joined(separator: ",")),
                        ]) { $1 })
                })
        }
        let table: JSONValue = .object([
            "created": list(.created), "updated": list(.updated), "deleted": list(.deleted),
        ])
        return try JSONValue.object(["tasks": table]).text
    }
}
