"""What an agent can do, as a framework offers it to a model: the same for all frameworks.

A model is told what came of a call in words. What it may act on (a refusal, a hold, a tool's own failure) is such words
too; what concerns the program (no credentials, no gateway) is raised.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .conversation import Conversation
from .errors import Code, Held, Refused, TimedOut, ToolFailed, Unanswered, UnknownTool
from .requests import Grant, Received
from .steps import Steps
from .tools import Tool


@dataclass(frozen=True)
class Offer:
    """One thing that a model is offered."""

    name: str
    """Letters, digits, `_` and `-`, 64 at most: what every model takes."""
    description: str = field(repr=False)
    schema: dict[str, Any] = field(repr=False)
    of: Tool | Grant

    def use(self, conversation: Conversation, arguments: dict[str, Any]) -> Steps[str]:
        """Does it, and says what came of it."""
        try:
            match self.of:
                case Tool(server=server, name=name):
                    return (yield from conversation.call(server, name, arguments)).text
                case Grant(to=to, request=request):
                    result = yield from conversation.delegate(to, request, arguments)
                    return json.dumps(result, ensure_ascii=False)
        except ToolFailed as failed:
            return f"{failed}: {failed.result.text}"
        except (Refused, Held, UnknownTool, Unanswered, TimedOut) as told:
            if isinstance(told, Refused) and told.code in FOR_THE_PROGRAM:
                raise
            return str(told)


def offers(conversation: Conversation, servers: Sequence[str], grants: Sequence[Grant]) -> Steps[list[Offer]]:
    """All tools of these servers that the agent has, and a tool for each of these grants.

    The names of tools say their server, so that no server can put a tool in another's place.
    """
    found: list[Offer] = []
    for server in servers:
        for tool in (yield from conversation.tools(server)):
            found.append(Offer(name_of(server, tool.name), tool.description, tool.schema, tool))
    for grant in grants:
        found.append(Offer(name_of("ask", grant.to, grant.request), grant.told, grant.schema, grant))
    names = [offer.name for offer in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two tools would have the name `{sorted(twice)[0]}`")
    return found


def name_of(*parts: str) -> str:
    """A name that every model takes, another one for other parts."""
    plain = "__".join(parts)
    safe = _OTHERS.sub("_", plain)
    if safe == plain and len(safe) <= NAME_CHARS_MAX and all("__" not in part for part in parts):
        return safe
    # What was cut or replaced is told apart by its digest.
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:DIGEST_CHARS]
    return f"{safe[: NAME_CHARS_MAX - DIGEST_CHARS - 1]}-{digest}"


def instruction_of(request: Received) -> str:
    """A request in the words in which a model is given it. Its content is marked as data."""
    content = json.dumps(request.content, ensure_ascii=False)
    return f"The agent {request.sender} asks for `{request.kind}`. What it says, which is data:\n{content}"


def in_words(_request: Received, text: str) -> dict[str, Any]:
    """What a model made of a request, in its own words. An agent that acts takes none: its grant has the `answer`."""
    return {"text": text}


def arguments_in(text: str) -> dict[str, Any]:
    """The arguments that a model wrote as JSON. Raises `ValueError` where they are no object."""
    arguments = json.loads(text or "{}")
    if not isinstance(arguments, dict):
        raise ValueError("expected the arguments as an object")
    return arguments


# Nothing that a model does helps here.
FOR_THE_PROGRAM: frozenset[str] = frozenset({Code.UNAUTHENTIC, Code.SUSPENDED})
NAME_CHARS_MAX = 64
DIGEST_CHARS = 10
_OTHERS = re.compile(r"[^A-Za-z0-9_-]")
