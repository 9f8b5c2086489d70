internal import Causality
internal import HTTP
internal import Storage
internal import Wire

/// `GET /v1/status`.
extension RESTRoutes {
    private struct StatusAnswer: Encodable {
        struct Space: Encodable {
            /// Absent where not all of the space is visible.
            var records: Int?
            var deleted: Int?
            var siblings: Int?
            var head: Int64
        }

        /// What the user may have; -1: any number.
        struct Tier: Encodable {
            var name: String
            var deviceLimit: Int
            var recordLimit: Int
            var devices: Int
            var records: Int
        }

        var version: String
        var `protocol`: Int
        var user: String
        var serverTime: Int64
        var startedAt: Int64
        var generation: String
        var cursor: String
        var space: Space
        var tier: Tier
        var devices: [DeviceStatus]
    }

    func status(_ request: RESTRequest) throws -> RESTAnswer {
        let holder = try holder(request)
        let access = try access(request, of: holder)
        let space = access.space
        let generation = core.store.generation
        let statistics = try core.store.statistics(of: space)
        let own = access.isOwn ? statistics : try core.store.statistics(of: holder.user.space)
        let devices = try core.store.accounts.devices(of: holder.user.id)
        // A head of one life under the name of another would be a cursor that is taken as valid.
        guard core.store.generation == generation else {
            throw ErrorFrameError(.storeUnavailable, "the log began another life meanwhile: ask again")
        }
        let tier = holder.user.tier
        let cursor = Cursor(generation: generation, space: space, position: statistics.head)
        let answer = StatusAnswer(
            version: Hub.version, protocol: CarillonProtocol.version, user: holder.user.name.text,
            serverTime: WallClock.now.microseconds, startedAt: core.startedAt.microseconds,
            generation: generation.text, cursor: cursor.text,
            space: .init(
                records: access.isOwn ? statistics.recordCount : nil,
                deleted: access.isOwn ? statistics.deletedCount : nil,
                siblings: access.isOwn ? statistics.siblingCount : nil, head: statistics.head.microseconds),
            tier: .init(
                name: tier.name, deviceLimit: tier.deviceLimit, recordLimit: tier.recordLimit, devices: devices.count,
                records: own.recordCount),
            devices: DeviceStatus.all(devices))
        var body = try RESTRoutes.encode(answer)
        // The limits are written by the codec that the welcome uses.
        body.removeLast()
        body += Array(",\"limits\":".utf8)
        FrameEncoder.limits(core.wireLimits, into: &body)
        body += Array(",\"hub_limits\":".utf8)
        core.limits.encodeShown(into: &body)
        body.append(UInt8(ascii: "}"))
        return RESTAnswer(json: body)
    }
}
