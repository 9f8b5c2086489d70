internal import Reactor

/// Who may connect: so many in all and of one address, and so many new ones a second.
///
/// Asked for each connection before it costs anything, and told of its end. A peer on this machine counts only in all,
/// unless ``HubLimits/countsLoopback``: a proxy or a load test is one address, and nobody's attack. The same for a
/// trusted proxy, whose clients are counted by their own addresses once they have said them.
final class AdmissionGate: Sendable {
    private struct State {
        var count = 0
        var ofAddress: [AddressBlock: Int] = [:]
        var rate: TokenBucket
    }

    private let limits: HubLimits
    private let proxies: TrustedProxies
    private let rate: TokenBucket.Rate
    private let state: Guarded<State>
    private let addressRates: RateTable<AddressBlock>

    init(_ limits: HubLimits, _ proxies: TrustedProxies) {
        self.limits = limits
        self.proxies = proxies
        rate = TokenBucket.Rate(perSecond: limits.newConnectionsPerSecondMax)
        state = Guarded(State(rate: TokenBucket(rate, now: WallClock.uptime)))
        addressRates = RateTable(
            TokenBucket.Rate(perSecond: limits.newConnectionsPerSecondOfAddressMax), countMax: limits.keyedEntriesMax)
    }

    /// Takes a connection in, or says why not. What is taken in is told by ``leave(_:)`` once.
    func admit(_ peer: SocketAddress, now: UInt64 = WallClock.uptime) -> RefusalReason? {
        let block = block(of: peer)
        if let block, addressRates.take(block, now: now) != nil { return .handshakeRate }
        return state.withLock { state in
            guard state.count < limits.connectionsMax else { return .connections }
            if let block, state.ofAddress[block, default: 0] >= limits.connectionsPerAddressMax {
                return .connectionsOfAddress
            }
            if !rate.isOff, limits.countsLoopback || !peer.isLoopback, state.rate.take(rate, now: now) != nil {
                return .handshakeRate
            }
            state.count += 1
            if let block { state.ofAddress[block, default: 0] += 1 }
            return nil
        }
    }

    /// A connection has ended.
    ///
    /// - Parameter client: whose it was at last.
    func leave(_ client: SocketAddress) {
        let block = block(of: client)
        state.withLock { state in
            state.count -= 1
            if let block { AdmissionGate.remove(block, &state) }
        }
    }

    /// A proxy's connection is now for `client`. False, and it stays with `earlier`, where that has as many as it may.
    func move(from earlier: SocketAddress, to client: SocketAddress) -> Bool {
        let (old, new) = (block(of: earlier), block(of: client))
        guard old != new else { return true }
        return state.withLock { state in
            if let new {
                guard state.ofAddress[new, default: 0] < limits.connectionsPerAddressMax else { return false }
                state.ofAddress[new, default: 0] += 1
            }
            if let old { AdmissionGate.remove(old, &state) }
            return true
        }
    }

    /// What is open now, in all.
    var count: Int { state.withLock { $0.count } }

    /// What limits by address count `address` under; nil where they do not.
    func block(of address: SocketAddress) -> AddressBlock? {
        if address.isLoopback, !limits.countsLoopback || proxies.contains(address) { return nil }
        return proxies.contains(address) ? nil : AddressBlock(of: address)
    }

    private static func remove(_ block: AddressBlock, _ state: inout State) {
        let count = state.ofAddress[block, default: 0] - 1
        state.ofAddress[block] = count > 0 ? count : nil
    }
}
