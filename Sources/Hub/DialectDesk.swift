public import Causality
internal import Logging
internal import Reactor
public import Storage
internal import Wire

/// Who asks, by a good key.
public struct DialectAccount: Sendable {
    public let user: User
    public let key: APIKeyRecord
}

/// What a dialect may do with the hub. Blocking.
public struct DialectDesk: Sendable {
    let core: HubCore
    /// For the log.
    var asker: PeerName?
    /// Of the connection that asks, with TLS.
    var peer: TLSPeer?
    /// What the client's logins are counted by; nil where they are not.
    var address: AddressBlock?

    /// For reading. What is written goes by ``commit(_:bytes:)``.
    public var store: any Store { core.store }

    /// For an answer that may be long.
    public func bodyWriter() -> DialectBodyWriter {
        DialectBodyWriter(core.spools, memoryBytesMax: core.limits.dialectMemoryBodyBytesMax)
    }

    public var now: Position { WallClock.now }

    /// The holder of a key, and of the connection's certificate where it has shown one.
    public func account(key: String?) throws(DialectError) -> DialectAccount {
        do throws(ErrorFrameError) {
            let holder = try Authenticator(store: core.store).holder(of: core.credentials(key, peer))
            return DialectAccount(user: holder.user, key: holder.key)
        } catch {
            throw DialectError(error.frame)
        }
    }

    /// The user's device; registered when it is new and the tier allows one more. What it is called, runs on and says
    /// of itself stays as it was told at its registration.
    ///
    /// - Throws: ``DialectError/deviceLimit(count:max:tier:)``.
    public func device(
        _ id: Identifier, of user: User, name: String? = nil, platform: String = "", clientVersion: String = ""
    ) throws(DialectError) -> Device {
        if let only = core.credentials(nil, peer).certificate?.identity?.device, only != id {
            throw .forbidden(Authenticator.othersCertificate)
        }
        do throws(StoreError) {
            return try Authenticator(store: core.store).device(
                id, of: user, name: name ?? id.text, platform: platform, clientVersion: clientVersion)
        } catch .limitReached {
            let count = try reading { () throws(StoreError) in try store.accounts.devices(of: user.id).count }
            throw .deviceLimit(count: count, max: user.tier.deviceLimit, tier: user.tier.name)
        } catch {
            return try reading { () throws(StoreError) in throw error }
        }
    }

    /// What `user` is to `space`; nil where they may neither see nor write it.
    public func standing(of user: User, in space: Identifier) throws(DialectError) -> Standing? {
        try reading { () throws(StoreError) in try Authenticator(store: core.store).standing(of: user, in: space) }
    }

    /// What the log names the author of a device's changes: its id, and in a space that is not the user's own their id
    /// before it.
    public func author(_ device: Device, in space: Identifier) -> Identifier {
        author(device.id, of: device.userID, in: space)
    }

    public func author(_ device: Identifier, of user: Identifier, in space: Identifier) -> Identifier {
        SpaceAccess(space, named: "", Viewer(user: user, standing: user == space ? .owner : .guest)).author(device)
    }

    /// Commits, announces, and returns a result for each change. What it says is accepted is durable.
    ///
    /// - Parameter bytes: of the message that the changes came in.
    public func commit(_ submission: Submission, bytes: Int) throws(DialectError) -> [ItemResult] {
        try begin(submission, bytes: bytes).wait()
    }

    /// As ``commit(_:bytes:)``; `answer` is called once, on any thread.
    public func push(
        _ submission: Submission, bytes: Int,
        answer: @escaping @Sendable (Result<[ItemResult], DialectError>) -> Void
    ) {
        guard !core.isDraining else { return answer(.failure(.shuttingDown)) }
        guard !submission.changes.isEmpty else { return answer(.success([])) }
        core.commit(submission, messageBytes: bytes, of: asker, from: nil) { outcome in
            answer(outcome.mapError { DialectError($0.frame) })
        }
    }

    /// Runs a read of the store, its errors told as a dialect's.
    public func reading<Value>(_ body: () throws(StoreError) -> Value) throws(DialectError) -> Value {
        do throws(StoreError) {
            return try body()
        } catch {
            core.notices.tell(.warning, "a request failed in the store", ["error": "\(error)"])
            throw DialectError(ErrorFrame(error))
        }
    }
}
