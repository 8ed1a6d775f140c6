"""Runs checks one after the other, and counts what passed."""

import time
import traceback


class Tally:
    """What passed and what failed so far."""

    def __init__(self):
        self.n_passed = 0
        self.failed = []

    def run(self, name, check):
        """Runs one check. One that breaks is one that failed; the others still run."""
        from_s = time.monotonic()
        try:
            check()
        except Exception as fault:
            self.failed.append(name)
            print(f"FAILED  {name}: {fault!r}", flush=True)
            if not isinstance(fault, AssertionError):
                traceback.print_exc()
            return
        self.n_passed += 1
        print(f"ok      {name} ({time.monotonic() - from_s:.1f} s)", flush=True)

    def end(self):
        """Says how it went, and gives the exit code: that nothing ran is a failure too."""
        for name in self.failed:
            print(f"failed: {name}")
        print(f"{self.n_passed} passed, {len(self.failed)} failed")
        return 1 if self.failed or not self.n_passed else 0
