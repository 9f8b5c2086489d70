// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

// The rooms and who may know whom: a pure target never gains a socket, a clock or a random source.
let package = Package(
    name: "carillon",
    products: [
        .executable(name: "carillon", targets: ["carillon"]),
        .library(name: "CarillonClient", targets: ["CarillonClient"]),
    ],
    traits: [
        .trait(
            name: "NATS", description: "Hubs of one Postgres may tell each other of commits over NATS (libnats-dev).")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CNats", pkgConfig: "libnats", providers: [.apt(["libnats-dev"])]),
        .target(name: "Cryptography", dependencies: ["COpenSSL"], swiftSettings: settings),
        .target(name: "Causality", swiftSettings: settings),
        .target(name: "Wire", dependencies: ["Causality", "Cryptography", "Storage"], swiftSettings: settings),
        .target(name: "HTTP", dependencies: [httpTypes], swiftSettings: settings),
        .target(name: "Compression", dependencies: ["CZlib"], swiftSettings: settings),
        .target(
            name: "WebSocket", dependencies: ["Compression", "Cryptography", "HTTP", httpTypes],
            swiftSettings: settings),
        .target(name: "Reactor", dependencies: ["CLinux", "COpenSSL"], swiftSettings: settings),
        .target(name: "Storage", dependencies: ["Causality"], swiftSettings: settings),
        .target(
            name: "SQLiteStore",
            dependencies: [
                "Causality", "Storage", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        .target(
            name: "PostgresStore", dependencies: ["CPostgres", "Causality", "Storage"], swiftSettings: settings),
        // Empty without the trait, so that the default build does not need the library.
        .target(
            name: "NATSBus",
            dependencies: [.target(name: "CNats", condition: .when(traits: ["NATS"])), "Reactor", "Storage"],
            swiftSettings: settings),
        .target(
            name: "Hub",
            dependencies: [
                "Causality", "Compression", "Cryptography", "HTTP", "Reactor", "Storage", "WebSocket", "Wire",
                httpTypes,
                logging,
            ],
            swiftSettings: settings),
        // Foreign protocols, one target each: none knows another.
        .target(
            name: "ContextFSDialect",
            dependencies: ["Causality", "Cryptography", "HTTP", "Hub", "Storage", "Wire", httpTypes],
            path: "Sources/Dialects/ContextFS", swiftSettings: settings),
        .target(
            name: "ClaudeMemoryDialect",
            dependencies: ["Causality", "Cryptography", "HTTP", "Hub", "Storage", "Wire", httpTypes],
            path: "Sources/Dialects/ClaudeMemory", swiftSettings: settings),
        .target(
            name: "WatermelonDBDialect",
            dependencies: ["Causality", "Cryptography", "HTTP", "Hub", "Storage", "Wire", httpTypes],
            path: "Sources/Dialects/WatermelonDB", swiftSettings: settings),
        .target(
            name: "CarillonClient",
            dependencies: [
                "Causality", "Compression", "Cryptography", "HTTP", "Reactor", "Storage", "WebSocket", "Wire",
                httpTypes,
            ],
            swiftSettings: settings),
        .target(
            name: "Load",
            dependencies: ["Causality", "Compression", "HTTP", "Reactor", "WebSocket", "Wire", histogram, httpTypes],
            swiftSettings: settings),
        .target(
            name: "Bench",
            dependencies: [
                "CPostgres", "Causality", "Cryptography", "HTTP", "PostgresStore", "SQLiteStore", "Storage",
                "WebSocket",
                "Wire",
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "carillon",
            dependencies: [
                "Bench", "Causality", "CarillonClient", "ClaudeMemoryDialect", "ContextFSDialect", "Cryptography",
                "Hub",
                "Load", "NATSBus", "PostgresStore", "Reactor", "SQLiteStore", "Storage", "WatermelonDBDialect", "Wire",
                arguments, logging,
            ],
            swiftSettings: settings),

        // Private servers for tests: started on a folder of their own, stopped with the process.
        .target(
            name: "PostgresTesting", dependencies: ["CPostgres"], path: "Tests/PostgresTesting",
            swiftSettings: settings),
        // A hub on a free port, and peers that speak to it byte by byte.
        .target(
            name: "HubTesting",
            dependencies: [
                "COpenSSL", "Causality", "Cryptography", "Hub", "PostgresStore", "PostgresTesting", "Reactor", "SQLiteStore", "Storage",
                "WebSocket",
                "Wire", logging,
            ],
            path: "Tests/HubTesting", swiftSettings: settings),
        .testTarget(name: "CausalityTests", dependencies: ["Causality"], swiftSettings: settings),
        .testTarget(name: "StorageTests", dependencies: ["Causality", "Storage"], swiftSettings: settings),
        .testTarget(
            name: "StoreConformance",
            dependencies: [
                "Causality", "PostgresStore", "PostgresTesting", "SQLiteStore", "Storage",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CarillonClientTests",
            dependencies: ["Causality", "CarillonClient", "Reactor", "Storage", "Wire"], swiftSettings: settings),
        .testTarget(
            name: "HubTests",
            dependencies: [
                "Causality", "Compression", "HTTP", "Hub", "HubTesting", "PostgresStore", "PostgresTesting", "Reactor", "SQLiteStore",
                "Storage",
                "WebSocket", "Wire", logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "DialectTests",
            dependencies: [
                "Causality", "ClaudeMemoryDialect", "Compression", "ContextFSDialect", "HTTP", "Hub", "HubTesting",
                "PostgresStore", "PostgresTesting", "Reactor", "SQLiteStore", "Storage", "WatermelonDBDialect",
                "WebSocket", "Wire", httpTypes, logging,
            ],
            swiftSettings: settings),
        .testTarget(name: "WireTests", dependencies: ["Causality", "Storage", "Wire"], swiftSettings: settings),
        .testTarget(
            name: "EndToEnd",
            dependencies: [
                "CarillonClient", "Causality", "HubTesting", "PostgresTesting", "Reactor", "Wire", "carillon", logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "PostgresStoreTests",
            dependencies: ["CPostgres", "Causality", "PostgresStore", "PostgresTesting", "Storage"],
            swiftSettings: settings),
        .testTarget(name: "NATSBusTests", dependencies: ["NATSBus", "Reactor", "Storage"], swiftSettings: settings),
        .testTarget(name: "StyleTests", swiftSettings: settings),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP", httpTypes], swiftSettings: settings),
        .testTarget(name: "CompressionTests", dependencies: ["Compression"], swiftSettings: settings),
        .testTarget(
            name: "WebSocketTests", dependencies: ["Compression", "HTTP", "WebSocket", httpTypes],
            swiftSettings: settings),
        .testTarget(name: "CryptographyTests", dependencies: ["Cryptography"], swiftSettings: settings),
        .testTarget(name: "BenchTests", dependencies: ["Bench"], swiftSettings: settings),
        .testTarget(
            name: "LoadTests",
            dependencies: [
                "Causality", "HTTP", "Hub", "Load", "Reactor", "Storage", "WebSocket", httpTypes, histogram, logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ReactorTests", dependencies: ["CLinux", "COpenSSL", "Cryptography", "Reactor"], swiftSettings: settings),
    ]
)
