"""Tools as an agent is shown them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import ProtocolFault


@dataclass(frozen=True)
class Tool:
    """A tool in the agent's mandate, in the definition that a person approved."""

    server: str
    name: str
    description: str = field(repr=False)
    schema: dict[str, Any] = field(repr=False)
    """The JSON Schema of its arguments."""
    reads_only: bool = False
    """Whether its approved definition says that it changes nothing (`readOnlyHint`)."""


def tools_in(server: str, result: dict[str, Any]) -> list[Tool]:
    """The tools in an answer to `tools/list`. maso gives all pages at once."""
    listed = result.get("tools")
    if not isinstance(listed, list) or result.get("nextCursor") is not None:
        raise ProtocolFault("the answer is no whole list of tools")
    return [_tool(server, entry) for entry in listed]


def _tool(server: str, entry: Any) -> Tool:
    entry = entry if isinstance(entry, dict) else {}
    name, description, schema = entry.get("name"), entry.get("description", ""), entry.get("inputSchema")
    if not isinstance(name, str) or not isinstance(description, str) or not isinstance(schema, dict):
        raise ProtocolFault("a listed tool lacks what a tool has")
    hints = entry.get("annotations")
    reads_only = isinstance(hints, dict) and hints.get("readOnlyHint") is True
    return Tool(server, name, description, schema, reads_only)
