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
    dependencies: [],
    targets: [
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "Cryptography", dependencies: ["COpenSSL"], swiftSettings: settings),
        .target(name: "Causality", swiftSettings: settings),
        .target(name: "Storage", dependencies: ["Causality"], swiftSettings: settings),
        .target(name: "Wire", dependencies: ["Causality", "Storage", "Cryptography"], swiftSettings: settings),
        .testTarget(name: "WireTests", dependencies: ["Wire", "Causality", "Storage"], swiftSettings: settings),
    ]
)
