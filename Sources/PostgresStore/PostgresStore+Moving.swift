public import Storage

extension PostgresStore {
    public func readAll(_ body: (KeptItem) throws -> Void) throws {
        throw StoreError.unavailable("a store on Postgres cannot be read out yet")
    }

    public func fill(_ next: () throws -> KeptItem?) throws {
        throw StoreError.unavailable("a store on Postgres cannot be filled yet")
    }
}
