extension Tier {
    /// The tiers that have names of their own. Whoever runs a hub may give a user any other one.
    public static let named = [
        Tier(name: "free", deviceLimit: 2, recordLimit: 5_000),
        Tier(name: "pro", deviceLimit: 5, recordLimit: 50_000),
        Tier(name: "team", deviceLimit: 10, recordLimit: 500_000),
        .unlimited,
    ]

    /// The tier of this name, if it is one of ``named``.
    public init?(named name: String) {
        guard let tier = Tier.named.first(where: { $0.name == name }) else { return nil }
        self = tier
    }

    /// Highest limit: what every JSON reader and every store takes.
    public static let limitMax = 1_000_000_000_000
}
