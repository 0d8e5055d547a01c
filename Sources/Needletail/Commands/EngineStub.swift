extension Engine {
  mutating func sampleRates(nowMilliseconds: Int) {}
  func clientConnected(_ client: Client) {}
  func clientFreed(_ client: Client) {}
}
