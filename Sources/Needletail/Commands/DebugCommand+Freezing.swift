// DEBUG FREEZE, FREEZE-STEP, FREEZE-CANCEL and LIMBO: a frozen view in slow motion. What a save's thread does is done
// by command, so that a test decides what happens between any two steps.

/// A view that DEBUG FREEZE opened and DEBUG FREEZE-STEP walks.
final class DebugView {
  fileprivate var walker: ViewWalker
  fileprivate var visitor = NoVisitor()

  fileprivate init(_ walker: consuming ViewWalker) { self.walker = walker }

  fileprivate func step(units: Int) -> Bool { walker.step(units: units, &visitor) }
}

extension Engine {
  /// Runs the subcommand if it is one of these.
  /// - Returns: false when it is another one.
  mutating func debugFreezing(_ request: Request) -> Bool {
    let name = request[1]
    if name.equalsIgnoringCase("freeze") && request.count == 2 {
      debugFreeze(request)
    } else if name.equalsIgnoringCase("freeze-step") && request.count == 3 {
      debugFreezeStep(request)
    } else if name.equalsIgnoringCase("freeze-cancel") && request.count == 2 {
      debugFreezeCancel()
    } else if name.equalsIgnoringCase("limbo") && request.count == 2 {
      reply.integer(keyspace.context.units.limbo.byteCount)
    } else {
      return false
    }
    return true
  }

  /// The rules are the same as for a save: one view at a time, never within a transaction or while a file is loaded.
  private mutating func debugFreeze(_ request: Request) {
    guard !keyspace.isFrozen, !isLoading
    else { return reply.error("ERR The keyspace is frozen already or being loaded") }
    guard !isExecutingTransaction(request.client) else {
      return reply.error("ERR DEBUG FREEZE is not allowed in a transaction")
    }
    let view = keyspace.freeze()
    let segments = view.wordCount
    persistence.debugView = DebugView(ViewWalker(view, freer: keyspace.context.units.freer))
    reply.integer(segments)
  }

  private mutating func debugFreezeStep(_ request: Request) {
    guard let view = persistence.debugView else { return reply.error("ERR No view is open") }
    guard let units = request[2].integer, units > 0 else { return reply.notAnInteger() }
    let goesOn = view.step(units: units)
    let visited = view.walker.visitedCount
    if !goesOn { closeDebugView() }
    reply.integer(visited)
  }

  /// What is left is visited at once, encoding nothing, as a cancelled save does it.
  private mutating func debugFreezeCancel() {
    guard let view = persistence.debugView else { return reply.error("ERR No view is open") }
    view.walker.isCancelled = true
    while view.step(units: 1024) {}
    closeDebugView()
    reply.ok()
  }

  private mutating func closeDebugView() {
    persistence.debugView = nil
    keyspace.thaw()
    startScheduledSave()
  }
}
