import CC10k
import Glibc

let usage = """
  usage: c10k FORM --port PORT

  FORM is how a service of GET and SET takes its connections, or the load on such a service:
    process           a process for each, forked off when it comes
    thread            a thread for each
    loop              one thread for all
    loop-slow         the same, and one request of a thousand takes a millisecond on it
    loop-slow-behind  the same, and that millisecond is spent on another thread
    load              asks the service at PORT as standard input says: see LoadGenerator
  """

func reject(_ text: String) -> Never {
  Sockets.note("\(text)\n\n\(usage)")
  exit(2)
}

var arguments = CommandLine.arguments.dropFirst()
if arguments.contains("--help") || arguments.contains("-h") {
  print(usage)
  exit(0)
}
let form = arguments.popFirst() ?? ""
var port: UInt16?
while let option = arguments.popFirst() {
  let text = arguments.popFirst() ?? ""
  switch option {
  case "--port":
    guard let number = UInt16(text), number > 0 else { reject("--port: '\(text)' is not a number from 1 to 65535") }
    port = number
  default: reject("unknown option: \(option)")
  }
}
guard let port else { reject("--port is missing") }
cc_ignore_broken_pipes()

func service() -> Service {
  guard let table = SharedTable() else { Sockets.fail("mmap") }
  return Service(table: table)
}

func runLoop(_ slow: LoopServer.Slow) -> Never {
  var server = LoopServer(service: service(), listener: Sockets.listen(port: port), slow: slow)
  server.run()
}

switch form {
case "process": ProcessServer(service: service(), listener: Sockets.listen(port: port)).run()
case "thread": ThreadServer(service: service(), listener: Sockets.listen(port: port)).run()
case "loop": runLoop(.none)
case "loop-slow": runLoop(.own)
case "loop-slow-behind": runLoop(.background)
case "load":
  var generator = LoadGenerator(port: port)
  generator.run()
default: reject("unknown form: '\(form)'")
}
