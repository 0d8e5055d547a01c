import Glibc

@testable import Needletail

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension Settings {
  /// What CONFIG GET answers for one name, or nil.
  func shown(_ name: String) -> String? {
    matching([bytes(name)]).first.map { String(decoding: $0.value, as: UTF8.self) }
  }

  /// The error reply of CONFIG SET, or nil when it was taken.
  mutating func refusal(_ pairs: (String, String)..., local: Bool = false) -> String? {
    do throws(SettingError) {
      _ = try apply(pairs.map { (bytes($0.0), bytes($0.1)) }, fromLocalClient: local)
      return nil
    } catch {
      return String(decoding: error.message, as: UTF8.self)
    }
  }
}

/// The settings of a configuration given as text, or why it is refused.
func load(_ text: String) -> Result<Settings, ConfigurationError> {
  var loader = ConfigurationLoader(commandNames: CommandTable.allNames)
  do throws(ConfigurationError) {
    try loader.readStandardInput(bytes(text))
    return .success(try loader.finished())
  } catch {
    return .failure(error)
  }
}

/// The reason why one line is refused, or nil when it is taken.
func reason(_ line: String) -> String? {
  switch load(line) {
  case .success: nil
  case .failure(let error): error.reason
  }
}

/// A directory of its own, removed with all files in it.
final class ScratchDirectory {
  let path: String
  private var files: [String] = []

  init() {
    var template = Array("/tmp/needletail-test-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { fatalError("cannot make a directory") }
    let name = template.dropLast().map { UInt8(bitPattern: $0) }
    path = String(decoding: name, as: UTF8.self)
  }

  deinit {
    for file in files.reversed() { unsafe remove(file) }
    unsafe rmdir(path)
  }

  func file(_ name: String, _ text: String = "") -> String {
    let file = "\(path)/\(name)"
    files.append(file)
    let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { fatalError("cannot write \(file)") }
    defer { close(descriptor) }
    let content = bytes(text)
    guard unsafe content.withUnsafeBytes({ unsafe write(descriptor, $0.baseAddress, $0.count) }) == content.count
    else { fatalError("cannot write \(file)") }
    return file
  }

  /// Names a file that the code under test will make.
  func willExist(_ name: String) -> String {
    files.append("\(path)/\(name)")
    return "\(path)/\(name)"
  }

  func text(of file: String) -> String {
    let descriptor = unsafe open(file, O_RDONLY)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    return (try? String(decoding: contents(ofDescriptor: descriptor), as: UTF8.self)) ?? ""
  }
}
