"""Frames of MCP 2026-07-28, the revision without sessions: a request is all that there is to a conversation."""

from __future__ import annotations

import json
import re
from typing import Any

from .encoding import compact_json, header_value
from .errors import ProtocolFault
from .steps import Answer

REVISION = "2026-07-28"


def request_frame(number: int, method: str, params: dict[str, Any]) -> bytes:
    """A request. The agent offers nothing that a server could ask of it."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "maso-python", "version": VERSION},
    }
    try:
        return compact_json({"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": meta}})
    except (ValueError, TypeError, RecursionError):
        # Without the library's words, which repeat the value.
        raise ValueError("expected arguments that JSON can hold") from None


def request_headers(method: str, params: dict[str, Any]) -> dict[str, str]:
    """The headers that go with it, and say what its body says."""
    headers = {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": REVISION,
        "Mcp-Method": method,
    }
    if method == "tools/call":
        headers["Mcp-Name"] = header_value(str(params["name"]))
    return headers


def parameter_headers(schema: Any, arguments: Any, depth: int = 0) -> dict[str, str]:
    """The `Mcp-Param-…` headers that a tool with this input schema wants beside these arguments."""
    headers: dict[str, str] = {}
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not isinstance(arguments, dict) or depth > DEPTH_MAX:
        return headers
    for key, property_ in properties.items():
        value = arguments.get(key)
        name = property_.get("x-mcp-header") if isinstance(property_, dict) else None
        if isinstance(name, str) and _TOKEN.fullmatch(name) and isinstance(value, str | int):
            text = header_value(value) if isinstance(value, str) else json.dumps(value)
            headers[f"Mcp-Param-{name}"] = text
        headers.update(parameter_headers(property_, value, depth + 1))
    return headers


def response_in(answer: Answer, number: int) -> dict[str, Any] | None:
    """The response to this request; `None` if there is none in the answer.

    A stream of events may tell other things first, which concern nobody here. Raises `ProtocolFault` for what is no
    frame.
    """
    kind = answer.content_type.split(";")[0].strip().lower()
    if kind == "application/json":
        frames = [answer.body]
    elif kind == "text/event-stream":
        frames = events_in(answer.body)
    else:
        return None
    for frame in frames:
        parsed = object_in(frame)
        if "method" not in parsed and parsed.get("id") in (number, None):
            return parsed
    return None


def events_in(body: bytes) -> list[bytes]:
    """The data of each event of a stream. An event that the stream broke off in is none."""
    events: list[bytes] = []
    data: list[bytes] = []
    for line in re.split(rb"\r\n|\n|\r", body):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            if any(data):
                events.append(b"\n".join(data))
            data = []
    return events


class Events:
    """A stream of events as it comes: each with its name and its data, once it is whole."""

    def __init__(self, bytes_max: int) -> None:
        self._left = b""
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0
        self._bytes_max = bytes_max

    def feed(self, chunk: bytes) -> list[tuple[str, bytes]]:
        """The events that end in this chunk. Raises `ProtocolFault` for one that is too long."""
        events: list[tuple[str, bytes]] = []
        # A line may end in the next chunk, and so may the two bytes of its end.
        *lines, self._left = re.split(rb"\r\n|\n|\r(?!\Z)", self._left + chunk)
        for line in lines:
            self._size += len(line)
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif line.startswith(b"event:"):
                self._name = line[6:].strip().decode("ascii", "replace")
            elif not line:
                if self._data:
                    events.append((self._name or "message", b"\n".join(self._data)))
                self._name, self._data, self._size = "", [], 0
            if self._size > self._bytes_max:
                raise ProtocolFault("an event is too long")
        if self._size + len(self._left) > self._bytes_max:
            raise ProtocolFault("an event is too long")
        return events


def object_in(frame: bytes) -> dict[str, Any]:
    """A JSON object, each member once. Raises `ProtocolFault` for anything else."""
    try:
        parsed = json.loads(frame, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise ProtocolFault("the answer is not JSON") from None
    if not isinstance(parsed, dict):
        raise ProtocolFault("the answer is no frame")
    return parsed


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Two readers could each take another one for the answer.
        raise ValueError("a member is there twice")
    return members


VERSION = "0.1.0"
DEPTH_MAX = 16
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
