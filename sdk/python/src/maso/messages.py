"""Signed messages (docs/messages.md): what is signed, and what comes back. No I/O here either."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .answers import held_in, refusal_in
from .conversation import UNAUTHORIZED, Conversation, fault_of, loss_of
from .encoding import compact_json
from .errors import Code, CredentialFault, Held, ProtocolFault, Refused, Unanswered, UnknownRequest, Unreachable
from .events import Asked, Event, event_of
from .frames import Events, object_in
from .keys import AgentKey
from .secret import Token
from .statements import Contract, Kind, Statement, moment
from .steps import Answer, Exchange, Lost, Pause, Steps

PAYLOAD_TYPE = "application/vnd.maso.message+json"


@dataclass(frozen=True)
class Sent:
    """Where a message went."""

    id: str
    """The hop by which it was sent: the request's id, to which its answer belongs."""
    there: bool
    """Whether whom it is for was heard of lately."""


@dataclass(frozen=True)
class Draft:
    """A message before it is signed. Each time that it is sent it is a message of its own."""

    kind: Kind
    to: str
    contract: Contract
    content: dict[str, Any] = field(repr=False)
    goal_hash: str
    statement: Statement = field(default_factory=Statement)
    valid_s: float = 300.0

    def __post_init__(self) -> None:
        self.statement.beside(self.kind)
        if not 0 < self.valid_s <= VALID_S_MAX:
            raise ValueError("a message is valid for ten minutes at most")

    def envelope(
        self, sender: str, task: Token | None, now_s: float, identifier: Callable[[], str], key: AgentKey
    ) -> bytes:
        """The message, signed over exactly these bytes (DSSE)."""
        if self.kind in ("delegation", "instruction") and task is None:
            raise ValueError("what asks for something belongs to a task: give the agent one, or use it `within` one")
        at = datetime.fromtimestamp(now_s, UTC)
        domain = sender.removesuffix(sender.rsplit("/", 1)[-1])
        message = {
            "message_id": "msg_" + identifier(),
            "sender_id": sender,
            "recipient_id": domain + self.to,
            "timestamp": moment(at),
            "valid_until": moment(at + timedelta(seconds=self.valid_s)),
            "message_type": self.kind,
            "content": self.content,
            "goal_hash": self.goal_hash,
            "nonce": identifier(),
            "contract": {"name": self.contract.name, "version": self.contract.version},
            **self.statement.members(),
        }
        if task is not None:
            message["task_token"] = task.expose()
        try:
            payload = compact_json(message)
        except (ValueError, TypeError, RecursionError):
            # Without the library's words, which repeat the value.
            raise ValueError("expected a content that JSON can hold") from None
        if len(payload) > MESSAGE_BYTES_MAX:
            raise ValueError("a message has 256 KiB at most")
        signature = key.sign(b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload))
        return compact_json(
            {
                "payloadType": PAYLOAD_TYPE,
                "payload": base64.b64encode(payload).decode(),
                "signatures": [{"sig": base64.b64encode(signature).decode()}],
            }
        )


@dataclass(frozen=True)
class Post:
    """One agent at the door for messages, in one task or in none."""

    conversation: Conversation

    def say(self, draft: Draft, *, people_s: float | None = None) -> Steps[Sent]:
        """Sends a message. What needs a person is said again until one has answered, for `people_s` at most."""
        told = yield from self._said("", draft, people_s)
        identifier, there = told.get("id"), told.get("there")
        if not isinstance(identifier, str) or not isinstance(there, bool):
            raise ProtocolFault("the answer does not say where the message went")
        return Sent(identifier, there)

    def reply(self, request: str, draft: Draft, task: Token | None, *, people_s: float | None = None) -> Steps[None]:
        """Answers a request, in its own task."""
        within = Post(self.conversation.within(task))
        yield from within._said(f"/{_named(request)}/reply", draft, people_s)

    def acknowledge(self, identifier: str) -> Steps[None]:
        """Says that the agent has what was handed to it. Once is as good as twice."""
        try:
            yield from self._ask(f"/{_named(identifier)}/ack", lambda _: b"", is_repeatable=True)
        except UnknownRequest:
            # Acknowledged already, or answered, or lost in a restart: it is handed out no more.
            return

    def _said(self, path: str, draft: Draft, people_s: float | None) -> Steps[dict[str, Any]]:
        it = self.conversation
        until_s = it.until(it.patience.people_s if people_s is None else people_s)

        def signed(token: Token) -> bytes:
            sender, now_s = identity_in(token), it.world.now_s()
            return draft.envelope(sender, it.task, now_s, it.world.message, it.credentials.key)

        while True:
            try:
                return (yield from self._ask(path, signed, is_repeatable=False))
            except Held as held:
                pause_s = it.patience.pause_s(held.retry_after_s)
                if it.world.passed_s() + pause_s > until_s:
                    raise
                yield Pause(pause_s)

    def _ask(self, path: str, body: Callable[[Token], bytes], *, is_repeatable: bool) -> Steps[dict[str, Any]]:
        it = self.conversation
        tried: Token | None = None
        n_attempts = 0
        while True:
            yield from it.stay()
            token = it.credentials.token()
            n_attempts += 1
            exchange = self.exchange("POST", path, token, body(token))
            outcome = yield exchange
            if isinstance(outcome, Answer):
                if outcome.status == UNAUTHORIZED and tried is None and it.credentials.token() != token:
                    # Nothing of it was read. Once more, if whatever renews the token did so meanwhile.
                    tried = token
                    continue
                told = told_in(outcome)
                if told is not None:
                    return told
                fault = fault_of(outcome)
            else:
                assert isinstance(outcome, Lost)
                fault = loss_of(outcome)
            may_repeat = isinstance(fault, Unreachable) or (isinstance(fault, Unanswered) and is_repeatable)
            if not may_repeat or n_attempts >= it.patience.attempts_max:
                raise fault
            yield Pause(it.patience.pause_s(it.patience.pause_s_min * 2 ** (n_attempts - 1)))

    def exchange(self, method: str, path: str, token: Token, body: bytes) -> Exchange:
        """A request at this door, with the token and a proof of its own."""
        it = self.conversation
        url = f"{it.address.base}/v1/messages{path}"
        headers = {
            "Accept": "text/event-stream" if method == "GET" else "application/json",
            **it.shown(method, url, token),
        }
        if body:
            headers["Content-Type"] = "application/json"
        return Exchange(url, headers, body, it.patience.exchange_s, it.patience.body_bytes_max, method)


@dataclass
class Listening:
    """A stream of events, over as many connections as it takes."""

    post: Post
    idle_s: float | None = None
    _events: Events = field(init=False)
    _n_failures: int = 0
    _tried: Token | None = None
    _token: Token | None = None
    _heard_s: float = field(init=False)

    def __post_init__(self) -> None:
        if self.idle_s is not None and not self.idle_s >= 0:
            raise ValueError("a time to wait is 0 or more, in seconds")
        self._heard_s = self._it.world.passed_s()
        self._events = Events(self._it.patience.body_bytes_max)

    def order(self) -> Steps[Exchange]:
        """What opens a connection. What comes on it may take as long as it likes, but for silence."""
        yield from self._it.stay()
        self._events = Events(self._it.patience.body_bytes_max)
        self._token = self._it.credentials.token()
        opened = self.post.exchange("GET", "", self._token, b"")
        silence_s = SILENCE_S if self.idle_s is None else min(SILENCE_S, max(self.idle_s, IDLE_S_MIN))
        return replace(opened, within_s=silence_s)

    def heard(self, chunk: bytes) -> list[Event]:
        """What came on it."""
        self._n_failures, self._tried = 0, None
        events = [event_of(name, data) for name, data in self._events.feed(chunk)]
        if events:
            self._heard_s = self._it.world.passed_s()
        # Kinds that this version does not know are left for one that does: nobody acknowledges them.
        return [event for event in events if event is not None]

    @property
    def is_idle(self) -> bool:
        """Whether nothing came for as long as that may be."""
        return self.idle_s is not None and self._it.world.passed_s() - self._heard_s >= self.idle_s

    def turned_away(self, answer: Answer) -> Steps[None]:
        """It was not opened. Raises what is no fault of the moment."""
        if answer.status == UNAUTHORIZED:
            if self._tried is not None or self._it.credentials.token() == self._token:
                raise Refused(Code.UNAUTHENTIC)
            self._tried = self._token
            return
        told_in(answer)
        fault = fault_of(answer)
        if not isinstance(fault, Unreachable | Unanswered):
            raise fault
        yield from self.broke(str(fault))

    def broke(self, why: str) -> Steps[None]:
        """It ended, or never began. What was handed out and not acknowledged comes again on the next one."""
        self._n_failures += 1
        patience = self._it.patience
        if self._n_failures >= patience.attempts_max:
            raise Unreachable(f"the stream of messages does not open ({why})")
        yield Pause(patience.pause_s(patience.pause_s_min * 2 ** (self._n_failures - 1)))

    @property
    def _it(self) -> Conversation:
        return self.post.conversation


def told_in(answer: Answer) -> dict[str, Any] | None:
    """What an answer of this door tells; `None` where it is none of its own.

    Raises `Refused`, `Held`, `UnknownRequest`.
    """
    if answer.status == NO_CONTENT:
        return {}
    if answer.content_type.split(";")[0].strip().lower() != "application/json":
        return None
    told = object_in(answer.body)
    if refused := refusal_in(told):
        raise refused
    if held := held_in(told):
        raise held
    if told.get("unknown") is not None:
        raise UnknownRequest()
    return told if answer.status == CREATED else None


def identity_in(token: Token) -> str:
    """The SPIFFE id that an agent's own token names. maso checks it; here it is what the message says of its sender."""
    try:
        part = token.expose().split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        subject = claims["sub"]
    except (IndexError, ValueError, KeyError, TypeError):
        raise CredentialFault("the token names no agent") from None
    if not isinstance(subject, str) or not subject.startswith("spiffe://"):
        raise CredentialFault("the token names no agent")
    # An instance speaks in its agent's name; its key says which one it is.
    return subject.partition("/inst_")[0]


def answering(
    request: Asked,
    kind: Kind,
    content: dict[str, Any],
    statement: Statement,
    version: int | None = None,
    goal_hash: str | None = None,
) -> Draft:
    """What answers a request: to whoever asked, under the same contract, for the same goal."""
    said, goal = request.said, goal_hash or request.goal_hash
    if said is not None:
        if version is None and said.contract is not None:
            version = said.contract.version
        goal = goal or said.goal_hash
    if version is None or goal is None:
        raise ValueError("the request was no message: give the `version` of the workflow's mandate, and a `goal_hash`")
    return Draft(kind, request.sender, Contract(request.kind, version), content, goal, statement)


def _named(identifier: str) -> str:
    if not identifier.replace("_", "").isalnum() or not identifier.isascii():
        raise ValueError("expected the id of a request, such as `hop_…`")
    return identifier


# A message lasts ten minutes at most: so long its nonce is remembered.
VALID_S_MAX = 600.0
MESSAGE_BYTES_MAX = 256 << 10
# maso says something every fifteen seconds; four times that is silence.
SILENCE_S = 60.0
IDLE_S_MIN = 0.2
CREATED = 201
NO_CONTENT = 204
