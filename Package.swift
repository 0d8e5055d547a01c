// swift-tools-version: 6.2
import PackageDescription

/// Settings every Swift target shares: memory-unsafe expressions are marked and reviewed, and release builds drop
/// the run-time exclusivity checks (debug builds and tests keep them).
let swiftSettings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatWarning("StrictMemorySafety", as: .error),
  .enableExperimentalFeature("Lifetimes"),
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

let package = Package(
  name: "needletail",
  products: [
    .executable(name: "needletail-server", targets: ["needletail-server"]),
    .executable(name: "cache-simulator", targets: ["cache-simulator"]),
  ],
  targets: [
    .systemLibrary(name: "CJemalloc"),
    .systemLibrary(name: "CLZF"),
    .systemLibrary(name: "CXXHash"),
    .systemLibrary(name: "CDigest"),
    .target(name: "CSystem"),
    .target(name: "Needletail", dependencies: ["CSystem", "CJemalloc", "CLZF", "CXXHash", "CDigest"],
      swiftSettings: swiftSettings),
    .executableTarget(name: "needletail-server", dependencies: ["Needletail"], swiftSettings: swiftSettings),
    .systemLibrary(name: "CC10k"),
    .executableTarget(name: "c10k", dependencies: ["Needletail", "CSystem", "CC10k"], swiftSettings: swiftSettings),
    .target(name: "CacheSimulation", swiftSettings: swiftSettings),
    .executableTarget(name: "cache-simulator", dependencies: ["CacheSimulation"], swiftSettings: swiftSettings),
    .testTarget(name: "CacheSimulationTests", dependencies: ["CacheSimulation"], swiftSettings: swiftSettings),
    .testTarget(name: "NeedletailTests", dependencies: ["Needletail"], swiftSettings: swiftSettings),
  ]
)
