internal import Logging
internal import PostgresStore
internal import Storage

#if NATS
    internal import NATSBus
#endif

/// What a hub on Postgres works with beside its store.
extension ServicePlan {
    /// The way to the other hubs; nil where there is none.
    ///
    /// - Parameters:
    ///   - conninfo: of the store.
    ///   - store: whose database and schema name the subject on NATS.
    func openBus(conninfo: String, of store: any Store, log: Logger) throws -> (any Storage.Bus)? {
        switch bus {
        case .none: return nil
        case .postgres:
            do throws(StoreError) {
                return try PostgresBus(conninfo: conninfo) { log.warning("\($0)") }
            } catch {
                throw StoreChoice.postgres(conninfo: conninfo).failure(error, "Cannot listen to other hubs")
            }
        case .nats(let url):
            #if NATS
                return NATSBus(url: url, name: (store as? PostgresStore)?.name ?? "carillon")
            #else
                throw CommandFailure(
                    .usage, "This carillon is built without NATS (\(PostgresURL.shown(url))).",
                    remedy: "Build it with: apt-get install libnats-dev && swift build -c release --traits NATS")
            #endif
        }
    }

    /// The replica that serves pulls; nil where there is none.
    func openReadStore(log: Logger) throws -> (any Store)? {
        guard let readStore else { return nil }
        var configuration = PostgresStore.Configuration()
        configuration.isReplica = true
        do throws(StoreError) {
            return try PostgresStore(conninfo: readStore, configuration: configuration) { log.warning("\($0)") }
        } catch {
            throw StoreChoice.postgres(conninfo: readStore).failure(error, "Cannot open the read store")
        }
    }
}
