internal import Cryptography
internal import Dispatch
internal import Foundation
internal import Hub
internal import Logging
internal import Reactor

/// What a running hub's TLS is renewed from: at SIGHUP, and when a file of it has changed.
///
/// Without TLS, SIGHUP changes nothing, and does not end the hub.
final class ServedTLS {
    private var sources: [any DispatchSourceProtocol] = []

    /// - Parameter ownNames: of the local authority's certificate; nil where the hub has another's.
    init(
        _ server: TLSServer?, _ folder: TLSFolder, ownNames: [AlternativeName]?, of hub: Hub, notice: ServiceNotice?,
        log: Logger
    ) {
        let renewal = TLSRenewal(server, folder, ownNames: ownNames, of: hub, log: log)
        let queue = DispatchQueue(label: "carillon.tls")
        signal(SIGHUP, SIG_IGN)
        let hangUp = DispatchSource.makeSignalSource(signal: SIGHUP, queue: queue)
        hangUp.setEventHandler {
            notice?.tellReloading()
            renewal.reload("SIGHUP came")
            notice?.tell("READY=1")
        }
        hangUp.resume()
        sources.append(hangUp)
        guard server != nil else { return }
        let timer = DispatchSource.makeTimerSource(queue: queue)
        let pause = DispatchTimeInterval.seconds(TLSRenewal.lookSeconds)
        timer.schedule(deadline: .now() + pause, repeating: pause)
        timer.setEventHandler { renewal.look() }
        timer.resume()
        sources.append(timer)
    }

    deinit { for source in sources { source.cancel() } }
}

/// The files of a hub's TLS, and what is done when they change.
private final class TLSRenewal: Sendable {
    /// Seconds between two looks at the files. A change is taken up at the look after the one that saw it, when a
    /// certificate and its key have both come.
    static let lookSeconds = 2
    /// Seconds between two looks at how long our own certificate lasts.
    private static let renewalLookSeconds = 3_600

    /// What tells a file from the one that had its name before.
    private struct Stamp: Equatable {
        let device: UInt64
        let inode: UInt64
        let bytes: Int64
        let seconds: Int
        let nanoseconds: Int
    }

    private struct Seen {
        var stamps: [Stamp?]
        var hasChanged = false
        var looks = 0
    }

    private let server: TLSServer?
    private let folder: TLSFolder
    /// Of the local authority's certificate; nil where the hub has another's.
    private let ownNames: [AlternativeName]?
    private let paths: [String]
    private let log: Logger
    private let refuse: @Sendable (Set<[UInt8]>) -> Void
    private let seen: Guarded<Seen>

    init(_ server: TLSServer?, _ folder: TLSFolder, ownNames: [AlternativeName]?, of hub: Hub, log: Logger) {
        self.server = server
        self.folder = folder
        self.ownNames = ownNames
        self.log = log
        refuse = { hub.refuse(certificates: $0) }
        var paths: [String] = []
        if let configuration = server?.configuration {
            for files in configuration.certificates {
                paths += [files.chainPath, files.keyPath] + (files.ocspPath.map { [$0] } ?? [])
            }
            paths += configuration.clientAuthorityPath.map { [$0] } ?? []
            paths.append(folder.revokedPath)
        }
        self.paths = paths
        seen = Guarded(Seen(stamps: paths.map(TLSRenewal.stamp)))
    }

    func look() {
        let now = paths.map(TLSRenewal.stamp)
        let (isSettled, isRenewal) = seen.withLock { seen in
            seen.looks += 1
            let isSame = seen.stamps == now
            let isSettled = isSame && seen.hasChanged
            seen.hasChanged = !isSame
            seen.stamps = now
            return (isSettled, seen.looks % (Self.renewalLookSeconds / Self.lookSeconds) == 0)
        }
        if isRenewal { renew() }
        if isSettled { reload("its files changed") }
    }

    /// What it writes is taken up as any change of the files.
    private func renew() {
        guard let ownNames else { return }
        do {
            _ = try folder.serverFiles(ownNames)
        } catch {
            log.error("the certificate could not be renewed: \(TLSRenewal.sentence(error))")
        }
    }

    func reload(_ why: String) {
        guard let server else { return log.info("\(why): there is no TLS to be read again") }
        do {
            try server.reload()
            refuse(try folder.revoked())
            log.info("\(why): TLS is read again, connections stand")
        } catch {
            log.error("\(why), but TLS goes on as it was: \(TLSRenewal.sentence(error))")
        }
    }

    private static func sentence(_ error: any Error) -> String {
        (error as? CommandFailure)?.sentence ?? (error as? TLSError)?.sentence ?? "\(error)"
    }

    private static func stamp(_ path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), bytes: Int64(status.st_size),
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }
}
