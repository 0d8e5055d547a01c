public func serverMain() {}
