internal import Causality
internal import Foundation
internal import HTTP
internal import HTTPTypes
internal import Storage
internal import Wire

/// `GET` and `POST /v1/devices`, `DELETE /v1/devices/{id}`.
extension RESTRoutes {
    /// A device as its user is told it.
    struct DeviceStatus: Encodable {
        var id: String
        var replica: String
        var name: String
        var platform: String
        var registeredAt: Int64
        var lastSeenAt: Int64
        /// The position up to which the device has confirmed to hold the log; absent before it has.
        var acknowledged: Int64?
        /// Whether it is connected, to this hub or another one on the same store.
        var online: Bool

        init(_ device: Device, now: Position) {
            id = device.id.text
            replica = device.replica.text
            name = device.name
            platform = device.platform
            registeredAt = device.registeredAt.microseconds
            lastSeenAt = device.lastSeenAt.microseconds
            acknowledged = device.acknowledged?.microseconds
            online = device.connectedUntil.map { $0 > now } ?? false
        }

        static func all(_ devices: [Device]) -> [DeviceStatus] {
            let now = WallClock.now
            return devices.map { DeviceStatus($0, now: now) }
        }
    }

    private struct DeviceAnswer: Encodable {
        var id: String
        var replica: String
        var name: String
        var platform: String
        var registeredAt: Int64
    }

    private struct DevicesAnswer: Encodable {
        var devices: [DeviceStatus]
    }

    func devices(_ request: RESTRequest) throws -> RESTAnswer {
        let holder = try holder(request)
        let devices = try core.store.accounts.devices(of: holder.user.id)
        return RESTAnswer(json: try RESTRoutes.encode(DevicesAnswer(devices: DeviceStatus.all(devices))))
    }

    func registerDevice(_ request: RESTRequest) throws -> RESTAnswer {
        let holder = try holder(request)
        let key = try idempotencyKey(request)
        let asked: DeviceRequest
        do throws(FrameError) {
            asked = try DeviceRequest.decode(request.body, limits: core.wireLimits)
        } catch {
            throw Problem(error)
        }
        try holder.check(asked.id)
        let device = try Authenticator(store: core.store).register(
            asked.id, of: holder.user, name: asked.name ?? asked.id.text, platform: asked.platform ?? "", under: key)
        let answer = DeviceAnswer(
            id: device.id.text, replica: device.replica.text, name: device.name, platform: device.platform,
            registeredAt: device.registeredAt.microseconds)
        return RESTAnswer(status: 201, json: try RESTRoutes.encode(answer))
    }

    /// Done, too, when there is no such device: asking again is no mistake.
    func removeDevice(_ request: RESTRequest) throws -> RESTAnswer {
        let holder = try holder(request)
        let id = try identifier(request.parameters[0], "id")
        try holder.check(id)
        if try core.store.accounts.removeDevice(id, of: holder.user.id) {
            core.endSessions(of: id, holder.user.id)
        }
        return .done
    }

    private func idempotencyKey(_ request: RESTRequest) throws -> String? {
        guard let name = HTTPField.Name("Idempotency-Key"), let key = request.head.field(name) else { return nil }
        let isKey = (1...core.wireLimits.frameIDBytesMax).contains(key.utf8.count)
        guard isKey, key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Problem(
                code: .badField,
                detail:
                    "the header Idempotency-Key has 1 to \(core.wireLimits.frameIDBytesMax) visible ASCII characters")
        }
        return key
    }

    static func encode(_ answer: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        // Sorted: the same answer has the same bytes.
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return [UInt8](try encoder.encode(answer))
    }
}
