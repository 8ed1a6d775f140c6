"""The core without a network: what it needs is written down, and answered from a list."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maso import AgentKey, Credentials, Patience, Token
from maso.address import Address
from maso.conversation import Conversation
from maso.steps import Answer, Exchange, Lost, Need, Outcome, Pause, Steps, World

T = TypeVar("T")

KEY = AgentKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
TOKEN = Token("aaa.bbb.ccc")

Reply = Answer | Lost | Callable[[Exchange], Answer | Lost]


class Script:
    """Answers what the core sends, one after the other, and lets time pass as it asks."""

    def __init__(self, *replies: Reply, patience: Patience | None = None, tokens: list[Token] | None = None) -> None:
        self.replies = list(replies)
        self.sent: list[Exchange] = []
        self.paused: list[float] = []
        self.time_s = 1_000.0
        self.n_identifiers = 0
        tokens = tokens or [TOKEN]
        world = World(
            lambda: 1_700_000_000 + self.time_s,
            lambda: self.time_s,
            self._identifier,
            lambda: f"{self.n_messages():032x}",
        )
        source = Credentials(KEY, lambda: tokens.pop(0) if len(tokens) > 1 else tokens[0])
        self.conversation = Conversation(Address.parse("https://maso.example"), source, world, patience or Patience())

    def n_messages(self) -> int:
        self.n_identifiers += 1
        return self.n_identifiers

    def _identifier(self) -> str:
        self.n_identifiers += 1
        return f"proof-{self.n_identifiers}"

    def run(self, steps: Steps[T]) -> T:
        """Runs to the end; what came out."""
        outcome: Outcome = None
        while True:
            try:
                outcome = self._carry_out(steps.send(outcome))
            except StopIteration as end:
                value: T = end.value
                return value

    def _carry_out(self, need: Need) -> Outcome:
        if isinstance(need, Pause):
            self.paused.append(need.seconds)
            self.time_s += need.seconds
            return None
        assert isinstance(need, Exchange)
        self.sent.append(need)
        assert self.replies, "more was sent than there are answers for"
        reply = self.replies.pop(0)
        return reply if isinstance(reply, Answer | Lost) else reply(need)


def frame_of(exchange: Exchange) -> dict[str, Any]:
    """What was sent."""
    frame: dict[str, Any] = json.loads(exchange.body)
    return frame


def answers(result: dict[str, Any], status: int = 200) -> Callable[[Exchange], Answer]:
    """A result, for whatever was asked."""
    return lambda sent: _answer({"id": frame_of(sent)["id"], "result": result}, status)


def fails(
    code: int, message: str, about: dict[str, Any] | None = None, status: int = 200
) -> Callable[[Exchange], Answer]:
    """An error, for whatever was asked."""
    error = {"code": code, "message": message, **({"data": {"maso": about}} if about else {})}
    return lambda sent: _answer({"id": frame_of(sent)["id"], "error": error}, status)


def _answer(members: dict[str, Any], status: int) -> Answer:
    return Answer(status, "application/json", json.dumps({"jsonrpc": "2.0", **members}).encode())


def structured(**data: Any) -> Callable[[Exchange], Answer]:
    """The result of a tool."""
    return answers({"content": [{"type": "text", "text": json.dumps(data)}], "structuredContent": data})


def refused(**about: Any) -> Callable[[Exchange], Answer]:
    """A tool result by which maso says no, or not yet."""
    told = {"isError": True, "content": [{"type": "text", "text": "maso"}], "structuredContent": {"maso": about}}
    return answers(told)


def held(retry_ms: int = 5_000) -> Callable[[Exchange], Answer]:
    """What the revision without sessions says of a held call."""
    about = {"held": True, "ticket": "ticket_1", "expires_at": "2026-11-28T02:00:00Z", "retry_after_ms": retry_ms}
    meta = {"maso/held": about}
    return answers({"resultType": "input_required", "requestState": "held:ticket_1", "_meta": meta})
