"""The parts of tools/bench; Python's standard library only."""
