"""Instances of other agents that an agent starts (docs/identity.md): what its new process needs to join."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .errors import CredentialFault, ProtocolFault
from .secret import Token


@dataclass(frozen=True)
class Instance:
    """An instance that was started, and has not joined yet. Whoever started it is told this once."""

    id: str
    """Its SPIFFE id: that of its agent, and a part of its own."""
    token: Token = field(repr=False)
    """With which its process joins (`Agent.join`): once, and by the key that was named when it was started."""
    join_by: datetime
    """It has ended if no process joined until then."""
    until: datetime
    """When it ends at the latest. What it rests on may end before, and it with that."""

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> Instance:
        """Reads one as `spawn_agent` tells it."""
        identifier, token = told.get("spiffe_id"), told.get("join_token")
        if not isinstance(identifier, str) or not isinstance(token, str):
            raise ProtocolFault("a started instance lacks what its process needs")
        try:
            return cls(identifier, Token(token), _moment(told.get("join_by")), _moment(told.get("until")))
        except (CredentialFault, TypeError, OverflowError, ValueError, OSError):
            raise ProtocolFault("a started instance has a token or a time that is none") from None


def wish(agent: str, thumbprint: str, reason: str | None) -> dict[str, Any]:
    """What `spawn_agent` is asked. Raises `ValueError` for what names no key, as a key or a file's name would not."""
    if not _THUMBPRINT.fullmatch(thumbprint):
        raise ValueError("expected the thumbprint of the key that the new process made (`AgentKey.thumbprint`)")
    beside = {} if reason is None else {"reason": reason}
    return {"agent": agent, "thumbprint": thumbprint, **beside}


def _moment(told: Any) -> datetime:
    if not isinstance(told, int):
        raise TypeError
    return datetime.fromtimestamp(told / 1000, UTC)


# SHA-256 in base64url, without padding.
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
