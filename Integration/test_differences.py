"""README's table of differences is what differences.toml says."""

import subprocess
import tomllib

from harness import ROOT


KEYS = {"where", "what", "why", "commands", "request", "compare", "fields", "ours", "theirs", "alone"}


def test_readme_is_up_to_date() -> None:
    done = subprocess.run([ROOT / "tools/differences", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_entry_is_complete() -> None:
    table = tomllib.loads((ROOT / "Integration/differences.toml").read_text())
    for entry in table["difference"]:
        assert ("where" in entry) == ("what" in entry), entry
        assert "where" in entry or "why" in entry, entry
        assert entry.keys() <= KEYS, entry
        if "commands" in entry:
            assert "compare" in entry or entry.get("alone"), entry
            for mode in ("fields", "ours", "theirs"):
                assert (mode in entry) == (entry.get("compare") == mode), entry
    assert all(entry["commands"] and entry["why"] for entry in table["excluded"])
