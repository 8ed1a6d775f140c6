"""Adds up what several runs of pytest counted: `N passed, N failed`, as `./test` reads it."""

import sys
from xml.etree import ElementTree

n_tests = n_failed = 0
for path in sys.argv[1:]:
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        n_tests += int(suite.attrib["tests"])
        # One that was skipped was not passed either.
        n_failed += sum(int(suite.attrib[kind]) for kind in ("failures", "errors", "skipped"))
print(f"{n_tests - n_failed} passed, {n_failed} failed")
sys.exit(1 if n_failed or not n_tests else 0)
