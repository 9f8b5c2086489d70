// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// The rooms and who may know whom: a pure target never gains a socket, a clock or a random source.
let package = Package(
    name: "carillon",
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0")
    ],
    targets: [
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "Cryptography", dependencies: ["COpenSSL"], swiftSettings: settings),
        .target(name: "Causality", swiftSettings: settings),
        .target(name: "Storage", dependencies: ["Causality"], swiftSettings: settings),
        .target(
            name: "SQLiteStore",
            dependencies: [
                "Causality", "Storage",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ], swiftSettings: settings),
        .testTarget(name: "CausalityTests", dependencies: ["Causality"], swiftSettings: settings),
        .testTarget(name: "StorageTests", dependencies: ["Causality", "Storage"], swiftSettings: settings),
        .testTarget(
            name: "StoreConformance",
            dependencies: ["Causality", "Storage", "SQLiteStore", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: settings),
    ]
)
