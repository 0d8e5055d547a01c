// SORT and SORT_RO.

extension Engine {
  mutating func sortCommand(_ request: Request) { reply.error("ERR not built yet") }

  mutating func sortReadonlyCommand(_ request: Request) { reply.error("ERR not built yet") }
}
