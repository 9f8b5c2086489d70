internal import Causality
internal import Cryptography
internal import Storage
internal import Wire

/// Who holds a key, read from the store. Blocking: for read queues.
struct Authenticator: Sendable {
    let store: any Store

    /// No `Idempotency-Key` is this: those have no spaces.
    private static let automaticRegistrationKey = "by its first request"

    struct Holder {
        let user: User
        let key: APIKeyRecord
        /// The only device that the certificate is for; nil: any.
        var device: Identifier?

        var keyPrefix: String { key.prefix }

        /// - Throws: `forbidden` where the certificate is another device's.
        func check(_ device: Identifier) throws(ErrorFrameError) {
            guard self.device == nil || self.device == device else {
                throw ErrorFrameError(.forbidden, Authenticator.othersCertificate)
            }
        }
    }

    static let othersCertificate = "the client certificate is another device's"
    static let refusedCertificate = "the client certificate was revoked"

    /// Who asks, by a key, by a certificate, or by both.
    func holder(of credentials: Credentials) throws(ErrorFrameError) -> Holder {
        guard !credentials.isRefused else {
            throw ErrorFrameError(.unauthorized, Authenticator.refusedCertificate)
        }
        guard let certificate = credentials.certificate, let identity = certificate.identity else {
            return try holder(of: credentials.key)
        }
        let user: User?
        do throws(StoreError) {
            user = try store.accounts.user(named: identity.user)
        } catch {
            throw ErrorFrameError(frame: ErrorFrame(error))
        }
        guard let user else {
            throw ErrorFrameError(.unauthorized, "there is no user of the client certificate's name")
        }
        guard credentials.key != nil else {
            return Holder(user: user, key: certificate.record(of: user), device: identity.device)
        }
        var holder = try holder(of: credentials.key)
        guard holder.user.id == user.id else {
            throw ErrorFrameError(.unauthorized, "the API key and the client certificate are of two users")
        }
        holder.device = identity.device
        return holder
    }

    /// The holder of `keyText`.
    ///
    /// One answer for every way in which a key can be wrong: a stranger learns nothing from it.
    func holder(of keyText: String?) throws(ErrorFrameError) -> Holder {
        guard let keyText else { throw ErrorFrameError(.unauthorized, "no API key was given") }
        guard let key = APIKey(keyText) else { throw ErrorFrameError(.unauthorized) }
        do {
            let holder = try store.accounts.holder(prefix: key.prefix)
            // Of a key that nobody has, as much is computed as of one whose secret is wrong.
            guard key.opens(holder?.key ?? APIKeyRecord.nobodys), let holder else {
                throw ErrorFrameError(.unauthorized)
            }
            return Holder(user: holder.user, key: holder.key)
        } catch let error as StoreError {
            throw ErrorFrameError(frame: ErrorFrame(error))
        } catch let error as ErrorFrameError {
            throw error
        } catch {
            throw ErrorFrameError(.internal)
        }
    }

    /// The user's device; registered when it is new and the tier allows one more.
    ///
    /// - Throws: ``StoreError/limitReached(_:)`` where it does not.
    func device(_ id: Identifier, of user: User, client: String?) throws(StoreError) -> Device {
        try device(id, of: user, name: id.text, platform: client ?? "")
    }

    func device(
        _ id: Identifier, of user: User, name: String, platform: String, clientVersion: String = ""
    ) throws(StoreError) -> Device {
        if let device = try store.accounts.device(id, of: user.id) { return device }
        // Of two that come at once, both are given the one replica.
        return try register(
            id, of: user, name: name, platform: platform, clientVersion: clientVersion,
            under: Authenticator.automaticRegistrationKey)
    }

    /// Registers a device under a new replica: the old one's counters are forgotten with what it held.
    ///
    /// - Parameter key: under which the same request finds the same registration again.
    /// - Throws: ``StoreError/limitReached(_:)`` where the device is new and one more than the user's tier allows.
    func register(
        _ id: Identifier, of user: User, name: String, platform: String, clientVersion: String = "",
        under key: String? = nil
    ) throws(StoreError) -> Device {
        let now = WallClock.now
        // 8 random bytes tell incarnations apart; the device's own name in front keeps clocks readable.
        let suffix = Digest.hex(Secret.random(count: 8))
        let stem = String(decoding: id.text.utf8.prefix(64), as: UTF8.self)
        let device = Device(
            userID: user.id, id: id, replica: Identifier(unchecked: "\(stem).\(suffix)"), name: name,
            platform: platform, registeredAt: now, lastSeenAt: now, registrationKey: key, clientVersion: clientVersion)
        do throws(StoreError) {
            return try store.accounts.registerOnce(device, devicesMax: user.tier.devicesMax)
        } catch .limitReached {
            throw .limitReached(
                "\(user.name) has as many devices as the tier \(user.tier.name) allows (\(user.tier.deviceLimit)): "
                    + "remove one, or ask for another tier")
        } catch {
            throw error
        }
    }

    /// Checks a hello and finds where the device's chain begins.
    ///
    /// - Parameter credentials: of the upgrade request; a key there goes before the hello's.
    func admit(_ hello: Hello, _ credentials: Credentials) throws(ErrorFrameError) -> Member {
        var credentials = credentials
        credentials.key = credentials.key ?? hello.key
        return try admit(hello, of: holder(of: credentials))
    }

    /// As ``admit(_:_:)``, for whose key is known to be good.
    func admit(_ hello: Hello, of holder: Holder) throws(ErrorFrameError) -> Member {
        try holder.check(hello.device)
        do {
            guard let access = try access(to: hello.space, of: holder.user) else {
                throw ErrorFrameError(.forbidden, Authenticator.noSuchSpace)
            }
            let space = access.space
            // First: what is read behind it may be of a later life, and then no frame of this one is sent.
            let generation = store.generation
            var device = try device(hello.device, of: holder.user, client: hello.client)
            let head = try store.head(of: space)
            if access.isOwn, hello.live, hello.cursor == nil, device.registeredAt < head {
                // It holds nothing and reads all, its own changes of earlier lives too; a reconnection in the middle
                // of that must still find them, so the new life's beginning is kept. Its name in clocks stays.
                device.registeredAt = max(WallClock.now, head)
                try store.accounts.register(device)
            }
            let start = try Authenticator.start(hello.cursor, space: space, head: head, generation)
            return Member(
                user: holder.user, access: access, device: device, keyPrefix: holder.keyPrefix, start: start,
                head: head,
                generation: generation)
        } catch let error as StoreError {
            throw ErrorFrameError(frame: ErrorFrame(error))
        } catch let error as ErrorFrameError {
            throw error
        } catch {
            throw ErrorFrameError(.internal)
        }
    }

    /// The position of a cursor, if it is of this space and this life of the log.
    static func start(
        _ cursor: Cursor?, space: Identifier, head: Position, _ generation: Generation
    ) throws(ErrorFrameError) -> Position {
        guard let cursor else { return .start }
        guard cursor.spaceTag == Cursor.spaceTag(of: space) else {
            throw ErrorFrameError(.badCursor, "the cursor is of another space")
        }
        guard cursor.generation == generation else { throw ErrorFrameError(.resync) }
        // A device that has seen more than the log holds was there before a restore.
        guard cursor.position <= head else { throw ErrorFrameError(.resync) }
        return cursor.position
    }
}

extension APIKeyRecord {
    /// No SHA-256 is all zeros that anybody knows a text of.
    fileprivate static let nobodys = APIKeyRecord(
        prefix: "", userID: "", secretHash: [UInt8](repeating: 0, count: 32), label: "", createdAt: .start)
}

/// An error frame, thrown.
struct ErrorFrameError: Error {
    let frame: ErrorFrame

    init(frame: ErrorFrame) {
        self.frame = frame
    }

    init(_ code: ErrorCode, _ message: String? = nil) {
        frame = ErrorFrame(code: code, message: message)
    }
}
