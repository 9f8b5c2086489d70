internal import Reactor

/// Who may connect: so many in all and of one address, and so many new ones a second.
///
/// Asked for each connection before it costs anything, and told of its end. A peer on this machine counts only in all,
/// unless ``HubLimits/countsLoopback``: a proxy or a load test is one address, and nobody's attack. The same for a
/// trusted proxy, whose clients are counted by their own addresses once they have said them.
final class AdmissionGate: Sendable {
    /// Networks of 64 bits, as full as they may be, that one site of 48 bits may have: a mobile operator's customers
    /// share one.
    private static let networksOfSite = 4

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
            guard let block else { return takeIn(peer, now, &state) }
            guard hasRoom(block, site(of: peer), state) else { return .connectionsOfAddress }
            if let refusal = takeIn(peer, now, &state) { return refusal }
            add(peer, &state)
            return nil
        }
    }

    private func takeIn(_ peer: SocketAddress, _ now: UInt64, _ state: inout State) -> RefusalReason? {
        if !rate.isOff, limits.countsLoopback || !peer.isLoopback, state.rate.take(rate, now: now) != nil {
            return .handshakeRate
        }
        state.count += 1
        return nil
    }

    /// A connection has ended.
    ///
    /// - Parameter client: whose it was at last.
    func leave(_ client: SocketAddress) {
        state.withLock { state in
            state.count -= 1
            remove(client, &state)
        }
    }

    /// A proxy's connection is now for `client`. False, and it stays with `earlier`, where that has as many as it may.
    func move(from earlier: SocketAddress, to client: SocketAddress) -> Bool {
        let (old, new) = (block(of: earlier), block(of: client))
        guard old != new else { return true }
        return state.withLock { state in
            if let new, !hasRoom(new, site(of: client), state) { return false }
            add(client, &state)
            remove(earlier, &state)
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

    /// Whom an IPv6 address is of, when it takes a new network for each try: a site has 65,536 of them (RFC 6177).
    private func site(of address: SocketAddress) -> AddressBlock? {
        address.isIPv4 ? nil : AddressBlock(of: address, ipv6Bits: 48)
    }

    private func hasRoom(_ block: AddressBlock, _ site: AddressBlock?, _ state: State) -> Bool {
        guard state.ofAddress[block, default: 0] < limits.connectionsPerAddressMax else { return false }
        guard let site else { return true }
        return state.ofAddress[site, default: 0] / AdmissionGate.networksOfSite < limits.connectionsPerAddressMax
    }

    private func add(_ address: SocketAddress, _ state: inout State) {
        guard let block = block(of: address) else { return }
        state.ofAddress[block, default: 0] += 1
        if let site = site(of: address) { state.ofAddress[site, default: 0] += 1 }
    }

    private func remove(_ address: SocketAddress, _ state: inout State) {
        guard let block = block(of: address) else { return }
        for block in [block, site(of: address)].compactMap({ $0 }) {
            let count = state.ofAddress[block, default: 0] - 1
            state.ofAddress[block] = count > 0 ? count : nil
        }
    }
}
