internal import Causality
internal import Reactor
internal import Storage
internal import WebSocket
internal import Wire

/// What reaches a shard from other threads. An ID of a connection that has ended meanwhile is ignored.
enum ShardMail: Sendable {
    case adopt(AcceptedSocket)
    /// A connection whose hello was good, from another shard: this one is its space's home. How it compresses goes with it.
    case moved(AcceptedSocket, Hello, Admission, PerMessageDeflate?)
    /// The hello's key and device are good.
    case admitted(ConnectionID, Admission)
    /// They are not, or the store could not tell.
    case refused(ConnectionID, ErrorFrame)
    /// A push of a socket session is settled.
    case pushed(ConnectionID, PushAnswer)
    /// A stretch of the log for a device that catches up.
    case page(ConnectionID, Result<CatchUpPage, ErrorFrameError>)
    case broadcast(Broadcast)
    /// The lane has pushes and waits for the end of this shard's turn.
    case commit(JournalLane)
    /// A REST request is answered.
    case answered(ConnectionID, RESTAnswer)
    /// The user came into the team, or left it.
    case membership(Identifier, team: Identifier)
    /// The key of a dialect's socket is good.
    case watching(ConnectionID, DialectOpening)
    /// Where the logs of such a socket's spaces are; nil where the store could not tell.
    case headsRead(ConnectionID, [Identifier: Position]?)
    /// A piece of a request's body is in its file: so many bytes.
    case spooled(ConnectionID, Spool, Result<Int, DialectError>)
    /// A piece of an answer's body, which begins at `offset`, is read from its file.
    case bodyPiece(ConnectionID, offset: Int, Result<SharedBytes, DialectError>)
    /// A request for a stream or a poll is good.
    case opened(ConnectionID, StreamOpening)
    /// A stretch of the log for a poll.
    case polled(ConnectionID, Result<PollPage, ErrorFrameError>)
    /// A stretch of the log for an export.
    case exported(ConnectionID, Result<ExportPage, ErrorFrameError>)
    /// A later live session of the same device, here or at another hub, has taken this one's place.
    case replaced(ConnectionID, isElsewhere: Bool)
    /// A device was removed: its sessions, streams and polls end, but for those of the replica that it came back as.
    case removed(device: Identifier, user: Identifier, keeping: Identifier?)
    /// Something may have been taken back unheard: the store is to be asked about all that is open.
    case recheck
    /// A user's tier is another one.
    case changed(User)
    /// The user came into a team or left it: the store is to be asked about what is open in others' spaces.
    case recheckGuests(of: Identifier)
    /// What is of another life of the log than this one ends.
    case newLife(Generation)
    /// The pause after a page that could not be read is over.
    case readAgain(ConnectionID)
    /// It is time for what came behind a turn's worth of messages.
    case readOn(ConnectionID)
    /// Whether the log goes up to what a device says it holds; nil where the store could not tell.
    case claimed(ConnectionID, Position, isHeld: Bool?)
    /// Keys with these prefixes open nothing any more.
    case revoked(Set<String>)
    /// Certificates with these hashes open nothing any more.
    case certificatesRefused(Set<[UInt8]>)
    /// Listen from now on.
    case listen(ListeningSocket)
    /// Nobody else is taken in; the hub is about to stop.
    case stopListening
    /// Asks for what the shard counts.
    case tally(@Sendable (ShardFigures) -> Void)
    /// Asks for nothing but an answer.
    case ping(@Sendable () -> Void)
    /// Say bye to everybody; the hub stops.
    case farewell(Farewell)
}

/// Somebody whose hello was good.
final class Member: Sendable {
    let user: User
    let access: SpaceAccess
    let device: Device
    let keyPrefix: String
    /// Where its chain begins.
    let start: Position
    /// The log's head at the hello, and its life.
    let head: Position
    let generation: Generation
    /// Up to here its own changes are of an earlier life. No further than the log at the hello: positions may come from
    /// another clock than the registration's time, and what it pushes now is not to come back to it.
    ///
    /// In another's or a team's space all that is there at the hello counts: no registration tells of its life there.
    var ownUpTo: Position { access.isOwn ? min(device.registeredAt, head) : head }

    init(
        user: User, access: SpaceAccess, device: Device, keyPrefix: String, start: Position, head: Position,
        generation: Generation
    ) {
        self.user = user
        self.access = access
        self.device = device
        self.keyPrefix = keyPrefix
        self.start = start
        self.head = head
        self.generation = generation
    }

    /// The same one with another tier.
    func changed(_ user: User) -> Member {
        Member(
            user: user, access: access, device: device, keyPrefix: keyPrefix, start: start, head: head,
            generation: generation)
    }
}

/// A member, as the store knew it when ``HubCore/removalCount`` was this.
struct Admission: Sendable {
    let member: Member
    let removalCount: Int
    /// The log's name of the connection, which it keeps when it moves to another shard.
    let connectionNumber: UInt64
    /// Whose connection it is, where that comes from another shard.
    var client: SocketAddress?
}

/// A settled push: the frame that answers it, or what went wrong.
enum PushAnswer: Sendable {
    case pushed(Pushed)
    case failed(ErrorFrame)
}

/// Encoded entries of the log for one device.
struct CatchUpPage: Sendable {
    let items: [BroadcastItem]
    let upTo: Position
    let hasMore: Bool
}
