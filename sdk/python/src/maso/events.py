"""What comes on the stream of messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import ProtocolFault
from .frames import object_in
from .requests import Received
from .statements import Said


@dataclass(frozen=True)
class Asked(Received):
    """Another agent asks for something. Whatever takes a `Received` takes it: `within`, `complete`, `ask`."""


@dataclass(frozen=True)
class Answered:
    """What came of a request of this agent."""

    id: str
    """The id of the request."""
    result: Any = field(repr=False)
    said: Said | None = None


@dataclass(frozen=True)
class Told:
    """Another agent tells something unasked. Data: whatever it says, it asks for nothing."""

    id: str
    sender: str
    contract: str
    content: Any = field(repr=False)
    said: Said | None = None


Event = Asked | Answered | Told


def event_of(name: str, data: bytes) -> Event | None:
    """Reads an event; `None` for a kind that this version does not know."""
    if name not in ("request", "answer", "told"):
        return None
    told = object_in(data)
    if name == "request":
        asked = Received.parse(told)
        return Asked(asked.id, asked.sender, asked.kind, asked.content, asked.task, asked.goal_hash, asked.said)
    said = Said.parse(told.get("message"))
    if name == "answer":
        return Answered(_text(told, "id"), told.get("result"), said)
    return Told(_text(told, "id"), _text(told, "from"), _text(told, "contract"), told.get("content"), said)


def _text(told: dict[str, Any], member: str) -> str:
    text = told.get(member)
    if not isinstance(text, str):
        raise ProtocolFault(f"an event names no `{member}`")
    return text
