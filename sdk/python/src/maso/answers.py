"""From a response to what it says: a result, a refusal, a hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .errors import Code, Held, ProtocolFault, Refused, ToolFailed, UnknownRequest, UnknownTool


@dataclass(frozen=True)
class Result:
    """What a tool gave back. Content: whatever it says is data, and asks for nothing."""

    content: list[dict[str, Any]] = field(repr=False)
    """Its parts, as MCP has them."""
    data: dict[str, Any] = field(repr=False)
    """The same as data, where the tool gives any; else empty."""

    @property
    def text(self) -> str:
        """All of its text. Where it has none, its data as JSON."""
        texts = [part["text"] for part in self.content if isinstance(part.get("text"), str)]
        return "\n".join(texts) if texts else json.dumps(self.data, ensure_ascii=False)


def result_of(response: dict[str, Any], server: str) -> dict[str, Any]:
    """The result in a response of this server. Raises `Refused`, `UnknownTool`, or `RpcError` for another error."""
    result, error = response.get("result"), response.get("error")
    if isinstance(result, dict) and error is None:
        return result
    if not isinstance(error, dict) or result is not None:
        raise ProtocolFault("the answer has neither a result nor an error")
    about = _maso(error.get("data"))
    if refused := refusal_in(about):
        raise refused
    message = error.get("message")
    if isinstance(message, str) and message in set(Code):
        # Before anything of the agent's is a hop, there is none to name.
        raise Refused(message)
    code = error.get("code")
    if code == INVALID_PARAMS and isinstance(message, str) and message.startswith("Unknown tool: "):
        raise UnknownTool(server, _word(message.removeprefix("Unknown tool: ")))
    raise RpcError(code if isinstance(code, int) else 0)


class RpcError(ProtocolFault):
    """An error of the protocol itself. Its message is not repeated: a server wrote it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the answer is the error {code}")
        self.code = code


def called(result: dict[str, Any]) -> Result:
    """What a call of a tool came to. Raises `Held`, `Refused`, `UnknownRequest`, `ToolFailed`."""
    if result.get("resultType") == "input_required":
        meta = result.get("_meta")
        held = held_in(meta.get("maso/held") if isinstance(meta, dict) else None)
        if held is None:
            raise ProtocolFault("the answer asks for something that this agent never offered")
        raise held
    content, data = result.get("content", []), result.get("structuredContent", {})
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise ProtocolFault("the content of a result is no list of parts")
    given = Result(content, data if isinstance(data, dict) else {"value": data})
    is_error = result.get("isError", False)
    if is_error is False:
        return given
    # A server that writes like maso is believed when it says no: it can take nothing away but its own answer.
    about = _maso(data)
    if refused := refusal_in(about):
        raise refused
    if held := held_in(about):
        raise held
    if about.get("unknown") in ("request", "clarification"):
        raise UnknownRequest()
    raise ToolFailed(given)


def _maso(data: Any) -> dict[str, Any]:
    about = data.get("maso") if isinstance(data, dict) else None
    return about if isinstance(about, dict) else {}


def refusal_in(about: dict[str, Any]) -> Refused | None:
    """The refusal that maso's words tell of, if they do."""
    code, hop = about.get("refused"), about.get("hop")
    if not isinstance(code, str):
        return None
    return Refused(_word(code), _word(hop) if isinstance(hop, str) else None)


def held_in(about: Any) -> Held | None:
    """The hold that maso's words tell of, if they do."""
    if not isinstance(about, dict) or about.get("held") is not True:
        return None
    ticket, expires_at, retry_ms = about.get("ticket"), about.get("expires_at"), about.get("retry_after_ms")
    if not isinstance(ticket, str) or not isinstance(expires_at, str):
        raise ProtocolFault("a held call names no ticket")
    if not isinstance(retry_ms, int | float) or not 0 <= retry_ms <= RETRY_MS_MAX:
        retry_ms = RETRY_MS_MAX
    return Held(_word(ticket), _word(expires_at), retry_ms / 1000)


def _word(text: str) -> str:
    """A text that stands in an error: short, and of letters that move no cursor and hide nothing."""
    return "".join(letter for letter in text[:WORD_CHARS_MAX] if letter.isascii() and letter.isprintable())


INVALID_PARAMS = -32602
HEADER_MISMATCH = -32020
RETRY_MS_MAX = 3_600_000
WORD_CHARS_MAX = 100
