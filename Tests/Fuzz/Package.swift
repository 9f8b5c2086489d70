// swift-tools-version: 6.2
import PackageDescription

// The fuzzers, a package of their own: the root package neither sees nor builds them. `make fuzz` does.
//
// The modules under test are the root's, by links in Sources/, so that they are compiled anew with coverage counters,
// which a dependency by path would not be (and needs no library product for each).
let coverage = SwiftSetting.unsafeFlags(["-sanitize=fuzzer,address"])

// libFuzzer without its main, among the compiler's own libraries; Tests/Fuzz/run says where.
let driver =
    Context.environment["FUZZ_DRIVER"]
    ?? "/usr/lib/swift/clang/lib/linux/libclang_rt.fuzzer_no_main-x86_64.a"

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    coverage,
]

let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")

let package = Package(
    name: "carillon-fuzz",
    dependencies: [.package(url: "https://github.com/apple/swift-http-types", from: "1.8.0")],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CFuzzer", path: "CFuzzer"),
        .target(name: "Cryptography", dependencies: ["COpenSSL"], swiftSettings: settings),
        .target(name: "Causality", swiftSettings: settings),
        .target(name: "Storage", dependencies: ["Causality"], swiftSettings: settings),
        .target(name: "Wire", dependencies: ["Causality", "Cryptography", "Storage"], swiftSettings: settings),
        .target(name: "HTTP", dependencies: [httpTypes], swiftSettings: settings),
        .target(name: "Compression", dependencies: ["CZlib"], swiftSettings: settings),
        .target(
            name: "WebSocket", dependencies: ["Compression", "Cryptography", "HTTP", httpTypes],
            swiftSettings: settings),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CFuzzer", "Causality", "Compression", "Cryptography", "HTTP", "Storage", "WebSocket", "Wire",
                httpTypes,
            ],
            path: "Harness", swiftSettings: settings,
            linkerSettings: [
                .unsafeFlags([
                    "-sanitize=address", driver, "-lstdc++", "-lm",
                ])
            ]),
    ]
)
