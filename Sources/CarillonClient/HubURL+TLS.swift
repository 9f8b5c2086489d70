internal import Reactor

extension HubURL {
    /// How TLS is spoken with it; nil where it is not.
    ///
    /// - Parameter client: nil: one that trusts the system's authorities.
    func target(_ client: TLSClient?) throws(ClientError) -> TLSTarget? {
        guard isSecure else { return nil }
        do throws(TLSError) {
            if let client { return TLSTarget(client: client, host: host) }
            return TLSTarget(client: try TLSClient(), host: host)
        } catch {
            throw ClientError(error, at: self)
        }
    }
}
