"""Adds up the JUnit reports of all suites and prints the total; fails when a test did or when none ran."""

import pathlib
import sys
import xml.etree.ElementTree as xml

NOTHING_COLLECTED = 5  # pytest's exit status


def count(report: pathlib.Path) -> tuple[int, int, int]:
    """The passed, failed and skipped tests of one report. A crash leaves one that is empty or cut off."""
    passed = failed = skipped = 0
    try:
        cases = list(xml.parse(report).iter("testcase"))
    except xml.ParseError:
        return 0, 0, 0
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    passed = failed = skipped = 0
    for status_file in sorted(folder.glob("*.status")):
        name, status = status_file.stem, int(status_file.read_text())
        suite_failed = 0
        # Swift writes XCTest's report under the name given and Swift Testing's beside it.
        for report in sorted(folder.glob(f"{name}.xml")) + sorted(folder.glob(f"{name}-*.xml")):
            p, f, s = count(report)
            passed, suite_failed, skipped = passed + p, suite_failed + f, skipped + s
        if status not in (0, NOTHING_COLLECTED) and suite_failed == 0:
            print(f"{name} ended with status {status} and no failed test in its report")
            suite_failed = 1
        failed += suite_failed
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


sys.exit(main())
