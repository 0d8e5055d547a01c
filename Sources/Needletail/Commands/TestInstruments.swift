// Only in builds with -DPLANTED_FAULTS, which the differential test's own test makes: faults to be found, and a file
// that keeps what reproduces the keyspace's changes.
#if PLANTED_FAULTS
import Glibc

/// Faults of four kinds. NEEDLETAIL_FAULT is the raw value of the one to be shown.
enum PlantedFault: Int {
  /// A reply is wrong where options meet that seldom do: `SET key value XX GET KEEPTTL` answers null.
  case wrongReply = 1
  /// An expiry is lost when a value is rewritten to one of 46 to 48 bytes.
  case lostExpiry = 2
  /// The reply is right but what is stored is not: DECRBY to a number above 9,000 stores one more.
  case wrongState = 3
  /// The server ends: LCS with IDX and WITHMATCHLEN.
  case crash = 4
}

extension Engine {
  /// Attaches what the environment asks for.
  mutating func attachTestInstruments() {
    if let path = unsafe getenv("NEEDLETAIL_EFFECTS") {
      keyspace.effects.observer = EffectFile(path: unsafe String(cString: path))
    }
    if let number = unsafe getenv("NEEDLETAIL_FAULT") {
      plantedFault = unsafe PlantedFault(rawValue: Int(atoi(number)))
    }
  }

  /// Runs a command with the fault asked for.
  mutating func runWithFault(_ id: CommandID, _ request: Request) {
    switch (plantedFault, id) {
    case (.wrongReply, .string(.set)) where hasOptions(request, "xx", "get", "keepttl"):
      reply.end()
      reply.beginDiscarding(isRESP3: request.client.state.isRESP3)
      run(id, request)
      reply.end()
      unsafe reply.begin(request.client.output, isRESP3: request.client.state.isRESP3)
      reply.null()
    case (.lostExpiry, .string(.append)), (.lostExpiry, .string(.setrange)):
      run(id, request)
      var found = lookupWrite(request, 1)
      guard let entry = found.entry, entry.type == .string, entry.hasExpiry, 46...48 ~= entry.stringCount else {
        return
      }
      keyspace.clearExpiry(&found)
    case (.wrongState, .string(.decrby)):
      run(id, request)
      var found = lookupWrite(request, 1)
      guard let value = found.entry?.integer, value > 9000, value < Int.max else { return }
      keyspace.setInteger(&found, value + 1)
    case (.crash, .string(.lcs)) where hasOptions(request, "idx", "withmatchlen"):
      fatalError("planted")
    default:
      run(id, request)
    }
  }

  private func hasOptions(_ request: Request, _ words: StaticString...) -> Bool {
    words.allSatisfy { word in (3..<max(3, request.count)).contains { request[$0].equalsIgnoringCase(word) } }
  }
}

/// Writes the commands that reproduce all changes into a file, as a client would send them.
@safe private final class EffectFile: EffectObserver {
  private let file: UnsafeMutablePointer<FILE>
  private var database = 0

  init(path: String) {
    guard let file = unsafe fopen(path, "w") else { fatalError("cannot write \(path)") }
    unsafe self.file = file
  }

  func keyChanged(_ effect: Effect) {}

  func commandRan(_ arguments: [[UInt8]], database: Int) {
    if database != self.database {
      self.database = database
      write([Array("SELECT".utf8), Array(String(database).utf8)])
    }
    write(arguments)
  }

  private func write(_ arguments: [[UInt8]]) {
    var bytes = Array("*\(arguments.count)\r\n".utf8)
    for argument in arguments { bytes += Array("$\(argument.count)\r\n".utf8) + argument + [13, 10] }
    guard unsafe fwrite(bytes, 1, bytes.count, file) == bytes.count else { fatalError("cannot write effects") }
  }
}
#endif
