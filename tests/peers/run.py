"""Lets clients and servers that are not ours meet through maso, and compares with what they do without it.

    run.py --maso BIN --peers DIR --node NODE [--only WORD]

`DIR` holds what `./test` installs: `node_modules`, and the virtual environments `client` and `sqlite`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import checks
from deployment import Deployment
from servers import servers
from tally import Tally


def main():
    parser = argparse.ArgumentParser()
    for name in ("maso", "peers", "node"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    peers, node = str(Path(args.peers).resolve()), str(Path(args.node).resolve())
    tally = Tally()
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
                tally.run(name, check)
        finally:
            deployment.down()
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
