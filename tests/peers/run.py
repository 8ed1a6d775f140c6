"""Lets clients and servers that are not ours meet through maso, and compares with what they do without it.

    run.py --maso BIN --peers DIR --node NODE [--only WORD]

`DIR` holds what `./test` installs: `node_modules`, and the virtual environments `client` and `sqlite`.
"""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

import checks
from deployment import Deployment
from servers import servers


def main():
    parser = argparse.ArgumentParser()
    for name in ("maso", "peers", "node"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    peers, node = str(Path(args.peers).resolve()), str(Path(args.node).resolve())
    n_passed, failed = 0, []
    with tempfile.TemporaryDirectory(prefix="maso-peers-") as scratch:
        known = servers(peers, node, scratch)
        for server in known:
            server.reset()
        deployment = Deployment(str(Path(args.maso).resolve()), Path(scratch) / "deployment", known)
        deployment.draft()
        try:
            meeting = checks.Meeting(deployment, known, peers, node, Path(scratch))
            for index, (name, check) in enumerate(checks.all_of(meeting)):
                # The first admits what the others use.
                if index > 0 and args.only not in name:
                    continue
                from_s = time.monotonic()
                try:
                    check()
                    n_passed += 1
                    print(f"ok      {name} ({time.monotonic() - from_s:.1f} s)", flush=True)
                except Exception as fault:  # A check that breaks is a check that failed; the others still run.
                    failed.append(name)
                    print(f"FAILED  {name}: {fault}", flush=True)
                    if not isinstance(fault, AssertionError):
                        traceback.print_exc()
        finally:
            deployment.down()
    for name in failed:
        print(f"failed: {name}")
    print(f"{n_passed} passed, {len(failed)} failed")
    return 1 if failed or not n_passed else 0


if __name__ == "__main__":
    sys.exit(main())
