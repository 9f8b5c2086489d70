internal import Causality
internal import Foundation
internal import HTTP
internal import Storage
internal import Wire

/// `POST /v1/devices` and `GET /v1/status`.
extension RESTRoutes {
    private struct DeviceRequest: Decodable {
        var id: String
        var name: String?
        var platform: String?
    }

    private struct DeviceAnswer: Encodable {
        var id: String
        var replica: String
        var name: String
        var platform: String
        var registeredAt: Int64
    }

    private struct StatusAnswer: Encodable {
        struct Space: Encodable {
            var records: Int
            var deleted: Int
            var siblings: Int
            var head: Int64
        }

        struct DeviceStatus: Encodable {
            var id: String
            var replica: String
            var name: String
            var platform: String
            var registeredAt: Int64
            var lastSeenAt: Int64
            /// The position up to which the device has confirmed to hold the log; absent before it has.
            var acknowledged: Int64?
        }

        var version: String
        var `protocol`: Int
        var user: String
        var serverTime: Int64
        var startedAt: Int64
        var generation: String
        var cursor: String
        var space: Space
        var devices: [DeviceStatus]
    }

    /// Longest name and platform of a device, in bytes.
    private static let deviceTextBytesMax = 256

    func registerDevice(_ request: RESTRequest) throws -> RESTAnswer {
        let holder = try holder(request)
        let asked: DeviceRequest
        do {
            asked = try JSONDecoder().decode(DeviceRequest.self, from: Data(request.body))
        } catch {
            throw Problem(
                code: .badFrame, detail: "the body must be {\"id\": text, \"name\": text, \"platform\": text}")
        }
        let name = asked.name ?? asked.id
        let platform = asked.platform ?? ""
        for text in [name, platform] where text.utf8.count > RESTRoutes.deviceTextBytesMax {
            throw Problem(code: .tooLarge, detail: "name and platform may have 256 bytes")
        }
        let device = try Authenticator(store: core.store).register(
            try identifier(asked.id, "id"), of: holder.user, name: name, platform: platform)
        let answer = DeviceAnswer(
            id: device.id.text, replica: device.replica.text, name: device.name, platform: device.platform,
            registeredAt: device.registeredAt.microseconds)
        return RESTAnswer(status: 201, json: try RESTRoutes.encode(answer))
    }

    func status(_ request: RESTRequest) throws -> RESTAnswer {
        let holder = try holder(request)
        let space = holder.user.space
        let statistics = try core.store.statistics(of: space)
        let devices = try core.store.accounts.devices(of: holder.user.id)
        let cursor = Cursor(generation: core.store.generation, space: space, position: statistics.head)
        let answer = StatusAnswer(
            version: Hub.version, protocol: CarillonProtocol.version, user: holder.user.name.text,
            serverTime: WallClock.now.microseconds, startedAt: core.startedAt.microseconds,
            generation: core.store.generation.text, cursor: cursor.text,
            space: .init(
                records: statistics.recordCount, deleted: statistics.deletedCount,
                siblings: statistics.siblingCount, head: statistics.head.microseconds),
            devices: devices.map { device in
                .init(
                    id: device.id.text, replica: device.replica.text, name: device.name,
                    platform: device.platform, registeredAt: device.registeredAt.microseconds,
                    lastSeenAt: device.lastSeenAt.microseconds,
                    acknowledged: device.acknowledged?.microseconds)
            })
        var body = try RESTRoutes.encode(answer)
        // The limits are written by the codec that the welcome uses.
        body.removeLast()
        body += Array(",\"limits\":".utf8)
        FrameEncoder.limits(core.wireLimits, into: &body)
        body.append(UInt8(ascii: "}"))
        return RESTAnswer(json: body)
    }

    private static func encode(_ answer: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return [UInt8](try encoder.encode(answer))
    }
}
