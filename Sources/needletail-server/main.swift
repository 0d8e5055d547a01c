import Needletail

serverMain()
