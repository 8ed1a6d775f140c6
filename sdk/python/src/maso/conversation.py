"""What one agent says to maso in one task, step by step. The whole protocol is here, and no I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, Literal

from .address import Address
from .answers import HEADER_MISMATCH, Result, RpcError, called, result_of
from .contexts import Checkpoint, Context, Resumed
from .credentials import Credentials
from .errors import Code, Held, MasoError, ProtocolFault, Refused, TimedOut, Unanswered, Unreachable
from .events import Answered
from .frames import parameter_headers, request_frame, request_headers, response_in
from .instances import Instance, wish
from .joining import Membership, leave, renew
from .patience import Patience
from .proof import proof
from .requests import Received
from .secret import Token
from .statements import Inputs, Kind, Said, Statement
from .steps import Answer, Exchange, Handle, Handled, Lost, Pause, Steps, World
from .tools import Tool, tools_in

Status = Literal["completed", "failed", "incomplete"]
"""How an agent's work in a task stands. `failed` stops the workflow."""


class Repeat(Enum):
    """When a request is sent again."""

    UNSENT = auto()
    """Only if it surely was not taken."""
    ALWAYS = auto()
    """Also if it may have been: a second one has no second effect."""


@dataclass
class Known:
    """What was learnt from listings, for all tasks of an agent."""

    tools: dict[tuple[str, str], Tool] = field(default_factory=dict)


@dataclass(frozen=True)
class Conversation:
    """One agent, in one task or in its standing task."""

    address: Address
    credentials: Credentials
    world: World
    patience: Patience
    task: Token | None = None
    known: Known = field(default_factory=Known)

    def within(self, task: Token | None) -> Conversation:
        """The same agent in another task."""
        return replace(self, task=task)

    # Tools.

    def tools(self, server: str) -> Steps[list[Tool]]:
        """The tools of a server that this agent has."""
        listed = tools_in(server, (yield from self._ask(server, "tools/list", {}, Repeat.ALWAYS)))
        self.known.tools.update({(server, tool.name): tool for tool in listed})
        return listed

    def call(
        self, server: str, tool: str, arguments: dict[str, Any], *, people_s: float | None = None, once: bool = False
    ) -> Steps[Result]:
        """Calls a tool. What is held is repeated unchanged until a person has answered, for `people_s` at most."""
        definition = self.known.tools.get((server, tool))
        # maso takes a repeated call for the same one while it waits; past that, only some calls are the same twice.
        is_safe = once or (definition is not None and definition.reads_only)
        repeat = Repeat.ALWAYS if is_safe else Repeat.UNSENT
        params = {"name": tool, "arguments": arguments}
        until_s = self.until(self.patience.people_s if people_s is None else people_s)
        has_listed = False
        while True:
            try:
                return called((yield from self._ask(server, "tools/call", params, repeat)))
            except Held as held:
                pause_s = self.patience.pause_s(held.retry_after_s)
                if self.world.passed_s() + pause_s > until_s:
                    raise
                yield Pause(pause_s)
            except RpcError as error:
                # Some tools want arguments in headers, and only their definition says which.
                if error.code != HEADER_MISMATCH or has_listed:
                    raise
                has_listed = True
                yield from self.tools(server)

    # Other agents.

    def delegate(
        self,
        to: str,
        request: str,
        content: dict[str, Any],
        *,
        result_s: float | None = None,
        goal_hash: str | None = None,
        statement: Statement | None = None,
    ) -> Steps[dict[str, Any]]:
        """Asks another agent for work and waits for what comes of it."""
        sent = yield from self.send(to, request, content, goal_hash=goal_hash, statement=statement)
        return (yield from self.result(sent, result_s=result_s))

    def send(
        self,
        to: str,
        request: str,
        content: dict[str, Any],
        *,
        goal_hash: str | None = None,
        statement: Statement | None = None,
    ) -> Steps[str]:
        """Asks another agent for work; the id of the request."""
        beside = None if statement is None else statement.beside("delegation")
        asked = {"to": to, "request": request, "content": content, **_given(goal_hash=goal_hash, message=beside)}
        return _text((yield from self.call(ITSELF, "send_request", asked)), "id")

    def result(self, request: str, *, result_s: float | None = None) -> Steps[dict[str, Any]]:
        """What came of a request that this agent made.

        Raises `TimedOut` when it is not there in time, and `Refused` when the request was taken back.
        """
        result = (yield from self.answered(request, result_s=result_s)).result
        return result if isinstance(result, dict) else {"value": result}

    def answered(self, request: str, *, result_s: float | None = None) -> Steps[Answered]:
        """The same, with what was said beside it."""
        until_s = self.until(self.patience.result_s if result_s is None else result_s)
        while True:
            wait_ms = self._slice_ms(until_s)
            told = yield from self._read("request_result", {"id": request, "wait_ms": wait_ms})
            if told.data.get("done") is True:
                return Answered(request, told.data.get("result"), Said.parse(told.data.get("message")))
            if told.data.get("taken_back") is True:
                # An operator revoked it, or this agent took it back elsewhere.
                raise Refused(Code.TAKEN_BACK, request)
            if self.world.passed_s() >= until_s:
                raise TimedOut(request)

    def next_request(self, *, idle_s: float | None = None) -> Steps[Received | None]:
        """The next request of another agent; `None` when none came for `idle_s` seconds."""
        until_s = None if idle_s is None else self.until(idle_s)
        while True:
            # One at a time: what is taken and not answered when this program ends is lost to its sender.
            told = yield from self._read("receive_requests", {"wait_ms": self._slice_ms(until_s), "max": 1})
            requests = told.data.get("requests")
            if not isinstance(requests, list) or len(requests) > 1:
                raise ProtocolFault("the mailbox holds no list of requests")
            if requests:
                return Received.parse(requests[0])
            if until_s is not None and self.world.passed_s() >= until_s:
                return None

    def complete(
        self, request: Received, result: dict[str, Any], statement: Statement | None = None, *, kind: Kind = "data"
    ) -> Steps[None]:
        """Answers a request, in its own task. A request is answered once, so this may be repeated."""
        beside = None if statement is None else statement.beside(kind)
        answer = {"id": request.id, "result": result, **_given(goal_hash=request.goal_hash, message=beside)}
        yield from self.within(request.task).call(ITSELF, "complete_request", answer, once=True)

    def serve(
        self, *, idle_s: float | None, n_max: int | None, on_failure: Callable[[Received, MasoError], None]
    ) -> Steps[int]:
        """Has the user's program answer requests, one after the other; how many there were.

        One that it fails at is answered with `{"failed": true}`: whoever asked is told that it failed, and not why.
        """
        n_served = 0
        while n_max is None or n_served < n_max:
            request = yield from self.next_request(idle_s=idle_s)
            if request is None:
                break
            n_served += 1
            handled = yield Handle(request)
            assert isinstance(handled, Handled)
            try:
                yield from self.complete(request, {"failed": True} if handled.result is None else handled.result)
            except MasoError as error:
                on_failure(request, error)
        return n_served

    def inputs(self) -> Steps[Inputs]:
        """On what this agent may rest what it says in this task."""
        return Inputs.parse((yield from self._read("inputs", {})).data)

    # Instances of other agents.

    def spawn(
        self, agent: str, thumbprint: str, *, reason: str | None = None, people_s: float | None = None
    ) -> Steps[Instance]:
        """Starts an instance. Not repeated where it may have happened: a second one would count as well."""
        asked = wish(agent, thumbprint, reason)
        return Instance.parse((yield from self.call(ITSELF, "spawn_agent", asked, people_s=people_s)).data)

    def leave(self) -> Steps[None]:
        """Ends the instance that this agent is."""
        key, token = self.credentials.key, self.credentials.token()
        yield from leave(self.address, key, token, self.world, self.patience)

    # The work itself.

    def report(self, status: Status, *, note: str | None = None) -> Steps[None]:
        """Tells how the work stands."""
        yield from self.call(ITSELF, "report_status", {"status": status, **_given(note=note)})

    def ask(self, about: str, question: str, *, options: list[str] | None = None) -> Steps[str]:
        """Asks what is meant; the id of the question."""
        asked = {"about": about, "question": question, **_given(options=options)}
        return _text((yield from self.call(ITSELF, "ask_clarification", asked)), "id")

    def clarifications(self) -> Steps[list[dict[str, Any]]]:
        """Questions that this agent asked or was asked, with their answers."""
        return _entries((yield from self._read("clarifications", {})), "clarifications")

    def assume(self, text: str, *, inputs: list[str] | None = None) -> Steps[str]:
        """Notes what the agent takes for granted; the id of the assumption."""
        return _text((yield from self.call(ITSELF, "assume", {"text": text, **_given(inputs=inputs)})), "id")

    def assumptions(self) -> Steps[list[dict[str, Any]]]:
        """What this agent assumes, and for whom that holds by now."""
        return _entries((yield from self._read("assumptions", {})), "assumptions")

    def answer(self, question: str, answer: str) -> Steps[None]:
        """Answers a question about a request that this agent made. It is answered once, so this may be repeated."""
        yield from self.call(ITSELF, "answer_clarification", {"id": question, "answer": answer}, once=True)

    def checkpoint(self, note: Checkpoint) -> Steps[Context]:
        """Notes what the agent goes on from."""
        return Context.parse((yield from self.call(ITSELF, "checkpoint", note.members())).data.get("context"))

    def resume(self) -> Steps[Resumed]:
        """What the agent goes on from."""
        return Resumed.parse((yield from self._read("resume", {})).data)

    # Below: one request and its answer.

    def _read(self, tool: str, arguments: dict[str, Any]) -> Steps[Result]:
        params = {"name": tool, "arguments": arguments}
        return called((yield from self._ask(ITSELF, "tools/call", params, Repeat.ALWAYS)))

    def _ask(self, server: str, method: str, params: dict[str, Any], repeat: Repeat) -> Steps[dict[str, Any]]:
        refused_token: Token | None = None
        n_attempts = 0
        while True:
            yield from self.stay()
            token = self.credentials.token()
            n_attempts += 1
            # A proof counts once: each attempt has its own, and an id of its own.
            outcome = yield self._exchange(server, method, params, token, n_attempts)
            if isinstance(outcome, Answer):
                if outcome.status == UNAUTHORIZED:
                    # Nothing of it was read. Once more, if whatever renews the token did so meanwhile.
                    if refused_token is None and self.credentials.token() != token:
                        refused_token = token
                        continue
                    raise Refused(Code.UNAUTHENTIC)
                if response := response_in(outcome, n_attempts):
                    return result_of(response, server)
                fault = fault_of(outcome)
            else:
                assert isinstance(outcome, Lost)
                fault = loss_of(outcome)
            may_repeat = isinstance(fault, Unreachable) or (isinstance(fault, Unanswered) and repeat is Repeat.ALWAYS)
            if not may_repeat or n_attempts >= self.patience.attempts_max:
                raise fault
            yield Pause(self.patience.pause_s(self.patience.pause_s_min * 2 ** (n_attempts - 1)))

    def stay(self) -> Steps[None]:
        """Renews what was got by joining, when it is time."""
        held = self.credentials.token
        if isinstance(held, Membership) and held.begin_renewal(self.world.now_s()):
            yield from renew(self.address, self.credentials.key, held, self.world, self.patience)

    def _exchange(self, server: str, method: str, params: dict[str, Any], token: Token, number: int) -> Exchange:
        url = self.address.of(server)
        headers = request_headers(method, params)
        if method == "tools/call" and (tool := self.known.tools.get((server, params["name"]))):
            headers.update(parameter_headers(tool.schema, params["arguments"]))
        headers.update(self.shown("POST", url, token))
        if self.task is not None:
            headers["Maso-Task"] = self.task.expose()
        body = request_frame(number, method, params)
        return Exchange(url, headers, body, self.patience.exchange_s, self.patience.body_bytes_max)

    def shown(self, method: str, url: str, token: Token) -> dict[str, str]:
        """By what a request shows whose it is: the token, and a proof for this request alone."""
        now_s, identifier = self.world.now_s(), self.world.identifier()
        shown = proof(self.credentials.key, token, method, url, now_s=now_s, identifier=identifier)
        return {"Authorization": f"DPoP {token.expose()}", "DPoP": shown}

    def until(self, wait_s: float) -> float:
        """When a time to wait is over that begins now."""
        if not wait_s >= 0:
            raise ValueError("a time to wait is 0 or more, in seconds")
        return self.world.passed_s() + wait_s

    def _slice_ms(self, until_s: float | None) -> int:
        # Well inside the time of one exchange, so that a slow gateway is told from an empty mailbox.
        longest_s = min(SLICE_S_MAX, self.patience.exchange_s / 2)
        left_s = longest_s if until_s is None else until_s - self.world.passed_s()
        return int(max(0.0, min(left_s, longest_s)) * 1000)


def loss_of(lost: Lost) -> MasoError:
    """What it means that no whole answer came."""
    if lost.sent:
        return Unanswered(f"no answer came ({lost.why}): nobody knows whether it happened")
    return Unreachable(f"nothing was sent ({lost.why})")


def fault_of(answer: Answer) -> MasoError:
    """What an answer without a frame means."""
    match answer.status:
        case 408 | 429:
            return Unreachable(f"not taken (HTTP {answer.status})")
        case 500 | 502 | 503 | 504:
            # Whoever answers so may have passed it on before.
            return Unanswered(f"no answer came (HTTP {answer.status}): nobody knows whether it happened")
        case status if 200 <= status < 300:
            return Unanswered("the answer broke off: nobody knows whether it happened")
        case status:
            return ProtocolFault(f"not taken (HTTP {status})")


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _entries(result: Result, member: str) -> list[dict[str, Any]]:
    entries = result.data.get(member)
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise ProtocolFault(f"the {member} are no list")
    return entries


def _text(result: Result, member: str) -> str:
    text = result.data.get(member)
    if not isinstance(text, str):
        raise ProtocolFault(f"the answer names no `{member}`")
    return text


ITSELF = "maso"
"""The server that maso itself is to agents."""
UNAUTHORIZED = 401
# maso waits 30 s at most.
SLICE_S_MAX = 25.0
