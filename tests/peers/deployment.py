"""A deployment around the public servers: drafted by `maso init`, then loosened until nothing in it refuses."""

import json
import os
import re
import subprocess
from pathlib import Path

OPERATOR = "owner"
PASSPHRASE = "a passphrase that only this test has"

LOOSE = """
[breakers]
blocks_max = 1000000
judge_blocks_max = 1000000

[[controls.deselected]]
control = "EC-2.14"
reason = "what a server says of wrong arguments is compared with what it says without maso"
owner = "owner"

[[controls.deselected]]
control = "EC-1.10"
reason = "all clients ask the same wrong questions of a server, one after the other"
owner = "owner"

[[controls.deselected]]
control = "ENV-1"
reason = "what a server says of wrong arguments is compared with what it says without maso"
owner = "owner"
"""


class Deployment:
    """A folder, and the program that serves it."""

    def __init__(self, maso, folder, servers):
        self.maso, self.folder, self.servers = maso, Path(folder), servers
        self.environment = {**os.environ, "MASO_PASSPHRASE": PASSPHRASE, "MASO_OPERATOR": OPERATOR}
        self.child = None

    def draft(self):
        config = self.folder.with_suffix(".json")
        entries = {s.name: {"command": s.command[0], "args": s.command[1:]} for s in self.servers}
        config.write_text(json.dumps({"mcpServers": entries}))
        report = json.loads(self.run("init", str(self.folder), "--from", str(config), "--json"))
        assert not report["silent"], report["silent"]
        self.loosen()
        self.run("check", str(self.folder))
        self.run("operators", "passphrase", "--operator", OPERATOR, str(self.folder))

    def loosen(self):
        """Every tool a harmless read, every value good enough, every server free to ask the client."""
        for path in (self.folder / "tools").glob("*.toml"):
            text = re.sub(r"(?ms)^\[tools\.[^\]]*\.authority\]\n.*?(?=^\[|^#|\Z)", "", path.read_text())
            text = re.sub(r"(?m)^value_pointer.*\n", "", text)
            for key, value in (("class", "read"), ("reversibility", "reversible"), ("risk", "low")):
                text = re.sub(rf'(?m)^{key} = ".*"$', f'{key} = "{value}"', text)
            path.write_text(text)
        agent = self.folder / "agents/desktop.toml"
        asking = json.dumps([s.name for s in self.servers])
        agent.write_text(
            agent.read_text()
            .replace("may_be_asked_by = []", f"may_be_asked_by = {asking}\ncalls_per_hour_max = 1000000")
            .replace('clearance = "internal"', 'clearance = "restricted"')
        )
        # The suite calls tools that nobody has, to see what is said of them.
        workflow = self.folder / "workflows/desktop.toml"
        attempts = "\n[plan_attempts]\n" + "".join(
            f"{name} = 1000000\n" for name in ("single_session", "rolling_7day", "rolling_30day")
        )
        workflow.write_text(workflow.read_text().replace("\n[oispec]", attempts + "\n[oispec]", 1))
        maso = self.folder / "maso.toml"
        # Arguments that break a tool's schema are refused here; a public server has its own words for them.
        maso.write_text(maso.read_text() + LOOSE)

    def withdraw(self, server, tools):
        """Takes away the approval of tools that stay in the mandate: each waits for a person now."""
        lock = self.folder / f"tools/{server}.lock.json"
        pinned = json.loads(lock.read_text())
        kept = [tool for tool in pinned if tool["name"] not in tools]
        assert len(kept) == len(pinned) - len(tools), f"not all of {tools} were published"
        lock.write_text(json.dumps(kept, indent=2))

    def approve_waiting(self):
        """Approves every definition that waits for a person; says which."""
        waiting = json.loads(self.run("approvals", "list", "--json", str(self.folder)))["tools"]
        for tool in waiting:
            self.run(
                "approvals", "tool", "--tool", tool["tool"], "--digest", tool["digest"], str(self.folder)
            )
        return sorted(tool["tool"] for tool in waiting)

    def run(self, *arguments):
        done = subprocess.run(
            [self.maso, *arguments], env=self.environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"maso {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def up(self):
        """Serves it; returns the base of its addresses."""
        self.child = subprocess.Popen(
            [self.maso, "up", "--listen", "127.0.0.1:0", str(self.folder)],
            env=self.environment, stdout=subprocess.PIPE, text=True,
        )
        for line in self.child.stdout:
            found = re.search(r"sign in\s+(http://[^/]+)/", line)
            if found:
                return found.group(1)
        raise AssertionError("maso up ended before it was ready")

    def down(self):
        if self.child:
            self.child.terminate()
            self.child.communicate(timeout=60)
            self.child = None

    def token(self):
        return self.run("agents", "token", "--agent", "desktop", str(self.folder)).strip()

    def wrapper(self, server):
        """The command that a desktop client starts in place of the server's own."""
        return [
            self.maso, "mcp", "--agent", "desktop", "--deployment", str(self.folder), "--server", server
        ]

    def verified(self):
        return json.loads(self.run("log", "verify", "--json", str(self.folder)))["verified"]
