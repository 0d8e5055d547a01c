import Testing
@testable import Needletail
