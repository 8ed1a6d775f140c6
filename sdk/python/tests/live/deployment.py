"""The claims example as a running deployment, with the tokens of its agents and the hands of its people."""

import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

from maso import Agent, Credentials, Patience

OPERATOR = "claims-supervisor"
AGENTS = ("intake", "analysis", "communication")
# How long anything may take before a test gives up; nothing is told by how long it took.
PATIENCE_S = 120
# What one agent may tell another unasked: the example has nothing of the kind.
TELLING = """
[[messages]]
from = "intake"
to = "analysis"
contract = "received"
# Whoever pays is told in types alone.
[messages.schema]
type = "object"
required = ["claim_id"]
additionalProperties = false
properties.claim_id = { type = "string", pattern = "^C-[0-9]{4}$" }
"""
# What one agent may start of another: the example has nothing of the kind.
STARTING = """
[spawns.analysis]
at_most = 2
per_hour = 5
ttl = "10m"
"""

Child = subprocess.Popen[str]


class Deployment:
    """A folder of its own, and a `maso up` that serves it on loopback."""

    def __init__(self, maso: str, scratch: Path) -> None:
        self.maso, self.folder, self.credentials = maso, scratch / "claims", scratch / "credentials"
        self.environment = {**os.environ, "MASO_PASSPHRASE": "a passphrase of a test", "MASO_OPERATOR": OPERATOR}
        self.credentials.mkdir()
        self.run("init", str(self.folder), "--example", "claims")
        settings = self.folder / "maso.toml"
        # So that a held call comes back with its ticket soon, and is repeated.
        settings.write_text(settings.read_text().replace('hold_open = "20s"', 'hold_open = "1s"'))
        workflow = self.folder / "workflows" / "claims.toml"
        workflow.write_text(workflow.read_text() + TELLING)
        intake = self.folder / "agents" / "intake.toml"
        intake.write_text(intake.read_text() + STARTING)
        self.run("operators", "passphrase", "--operator", OPERATOR, str(self.folder))
        self.child = subprocess.Popen(
            [maso, "up", "--json", "--listen", "127.0.0.1:0", str(self.folder)],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert self.child.stdout is not None
            self.url: str = json.loads(self.child.stdout.readline())["mcp"]["maso"].removesuffix("/mcp/maso")
            for agent in AGENTS:
                key, token = self.credentials / f"{agent}.pem", self.credentials / f"{agent}.token"
                issued = self.run("agents", "token", "--agent", agent, "--new-key", str(key), str(self.folder))
                token.write_text(issued)
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Ends the program that this one started, and no other."""
        self.child.terminate()
        self.child.communicate(timeout=PATIENCE_S)

    def run(self, *arguments: str) -> str:
        """A command of `maso`; what it wrote."""
        done = subprocess.run(
            [self.maso, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"maso {arguments[:2]}: {done.stderr}"
        return done.stdout

    def task(self, claim: str) -> str:
        """The token of a new task about this claim."""
        words = f"Settle the claim {claim} from its documents, its policy and the appraiser's figure"
        opened = self.run("tasks", "open", "--workflow", "claims", "--words", words, "--json", str(self.folder))
        token: str = json.loads(opened)["token"]
        return token

    def waiting(self) -> list[dict[str, Any]]:
        """What waits for a person."""
        tickets: list[dict[str, Any]] = json.loads(self.run("approvals", "list", "--json", str(self.folder)))["tickets"]
        return tickets

    def approve(self, claim: str, child: Child | None = None) -> str:
        """Approves the action about this claim as soon as one waits; its ticket. Fails if the child ends before."""
        return self._say("approve", claim, child)

    def reject(self, claim: str, child: Child | None = None) -> str:
        """Rejects it."""
        return self._say("reject", claim, child, "--reason", "not this one")

    def _say(self, word: str, claim: str, child: Child | None, *more: str) -> str:
        until = time.monotonic() + PATIENCE_S
        # Asking takes a moment by itself, so this does not spin.
        while time.monotonic() < until:
            for ticket in self.waiting():
                if claim in json.dumps(ticket):
                    name: str = ticket["ticket"]
                    self.run("approvals", word, "--ticket", name, *more, str(self.folder))
                    return name
            if child is not None and child.poll() is not None:
                raise AssertionError(f"it ended: {child.communicate()}")
        raise AssertionError(f"nothing about {claim} waits for a person")

    def agent(self, name: str, **how: Any) -> Agent:
        """One of the deployment's agents."""
        return Agent(self.url, self.shown(name), patience=Patience(people_s=PATIENCE_S, result_s=PATIENCE_S), **how)

    def shown(self, name: str) -> Credentials:
        """By what it shows who it is."""
        return Credentials.of(self.credentials / f"{name}.pem", self.credentials / f"{name}.token")

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """What the database says: effects are looked for there, and not in what anybody says of them."""
        base = sqlite3.connect(f"file:{self.folder}/.maso/data/claims.db?mode=ro", uri=True)
        try:
            return base.execute(question).fetchall()
        finally:
            base.close()

    def verified(self) -> bool:
        """Whether the record holds together."""
        verified: bool = json.loads(self.run("log", "verify", "--json", str(self.folder)))["verified"]
        return verified
