"""What agents ask of each other."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import CredentialFault, ProtocolFault
from .secret import Token
from .statements import Said


@dataclass(frozen=True)
class Received:
    """A typed request that another agent made of this one. Its content is data, checked against the grant's schema."""

    id: str
    sender: str
    """The agent that asks."""
    kind: str
    """What it asks for: the request's name in the grant."""
    content: Any = field(repr=False)
    task: Token | None = None
    """The task in which it asks; the work belongs to it. No credential."""
    goal_hash: str | None = None
    """The hash of that task's specification."""
    said: Said | None = None
    """What its sender said beside the content, if anything."""

    @classmethod
    def parse(cls, told: Any) -> Received:
        """Reads one as `receive_requests` tells it."""
        told = told if isinstance(told, dict) else {}
        texts = {key: told.get(key) for key in ("id", "from", "request")}
        task, goal = told.get("task_token"), told.get("goal_hash")
        if not all(isinstance(text, str) for text in texts.values()) or not isinstance(goal, str | None):
            raise ProtocolFault("a received request lacks what a request has")
        try:
            token = None if task is None else Token(task if isinstance(task, str) else "")
        except CredentialFault:
            raise ProtocolFault("a received request has a task token that is none") from None
        return cls(
            told["id"], told["from"], told["request"], told.get("content"), token, goal, Said.parse(told.get("message"))
        )


@dataclass(frozen=True)
class Grant:
    """Which typed request this agent may make of another: what to offer a model. maso decides what it may do."""

    to: str
    request: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "object"}, repr=False)
    """The JSON Schema of the content."""
    description: str = ""
    """What a model is told of it."""
    version: int | None = None
    """The version of the workflow's mandate, which a message under this grant names."""

    @property
    def told(self) -> str:
        """The description, or a plain one."""
        what = self.request.replace("_", " ")
        return self.description or f"Asks the agent {self.to} for {what}, and waits for its answer."


def grants_in(workflow: str | Path, agent: str) -> list[Grant]:
    """The grants of an agent as a deployment's `workflows/NAME.toml` has them, for programs that have the folder."""
    with Path(workflow).open("rb") as file:
        declared = tomllib.load(file)
    version = declared.get("version")
    return [
        Grant(grant["to"], grant["request"], grant.get("schema", {"type": "object"}), version=version)
        for grant in declared.get("grants", [])
        if grant["from"] == agent
    ]
