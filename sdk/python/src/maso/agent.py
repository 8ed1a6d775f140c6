"""An agent, for programs without `asyncio`."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar

import httpx

from .address import Address
from .answers import Result
from .contexts import Checkpoint, Context, Resumed
from .conversation import Conversation, Status
from .credentials import Credentials
from .drivers import WORLD, exchange
from .errors import MasoError
from .events import Answered
from .instances import Instance
from .joining import join
from .keys import AgentKey
from .mailbox import Messages
from .patience import Patience
from .requests import Grant, Received
from .secret import Token
from .statements import Inputs, Kind, Statement
from .steps import Exchange, Handle, Handled, Outcome, Pause, Steps
from .tools import Tool
from .toolset import Offer, offers

T = TypeVar("T")


class Agent:
    """What an agent can do: use its tools, ask other agents for work, answer what they ask.

    It speaks to one address and follows no redirect; proxies and passwords of the environment are not used. Threads may
    share it. Every method but the constructors raises a `MasoError` for whatever is not its result.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        task: str | Token | None = None,
        patience: Patience | None = None,
        verify: Any = True,
    ) -> None:
        """`url` is maso's address; `task` the token of the task that the work belongs to, if one was opened.

        `verify` is what `httpx` takes: `True`, or an `ssl.SSLContext` that knows the certificate of an own authority.
        """
        self._conversation = Conversation(
            Address.parse(url), credentials, WORLD, patience or Patience(), token_of(task)
        )
        self._client = httpx.Client(trust_env=False, follow_redirects=False, verify=verify)

    @classmethod
    def from_environment(cls, *, patience: Patience | None = None) -> Agent:
        """At `MASO_URL`, in the task `MASO_TASK` if that is set, with the credentials of the environment."""
        return cls(*environment(), task=os.environ.get("MASO_TASK") or None, patience=patience)

    @classmethod
    def join(
        cls,
        url: str,
        token: str | Token,
        key: str | os.PathLike[str],
        *,
        task: str | Token | None = None,
        patience: Patience | None = None,
        verify: Any = True,
    ) -> Agent:
        """Becomes an agent by a token that works once (`maso agents join-token`), and renews what it got in time.

        The key is made in this file where it is not there. A second run with the same token is refused.
        """
        made, patience = AgentKey.load_or_make(key), patience or Patience()
        shown = token if isinstance(token, Token) else Token(token)
        agent = cls(url, Credentials(made, lambda: shown), task=task, patience=patience, verify=verify)
        conversation = agent._conversation
        try:
            steps = join(conversation.address, made, shown, conversation.world, patience)
            credentials = Credentials(made, agent._run(steps))
        except BaseException:
            agent.close()
            raise
        agent._conversation = replace(conversation, credentials=credentials)
        return agent

    def within(self, task: str | Token | Received | None) -> Agent:
        """The same agent in another task: of a token, or of a request that it received. Shares its connections."""
        other = object.__new__(Agent)
        other._conversation = self._conversation.within(token_of(task))
        other._client = self._client
        return other

    def tools(self, server: str) -> list[Tool]:
        """The tools of a server that are in this agent's mandate, in the definitions that a person approved."""
        return self._run(self._conversation.tools(server))

    def call(
        self, server: str, tool: str, arguments: dict[str, Any], *, people_s: float | None = None, once: bool = False
    ) -> Result:
        """Calls a tool. What needs a person is waited for, `people_s` seconds at most; then it raises `Held`.

        A call that was sent and not answered raises `Unanswered` and is not repeated, unless its approved definition
        says that it only reads, or `once` says that its arguments name the instruction (`idempotency_pointer` in the
        tool's manifest), which maso then carries out once, however often it comes.
        """
        return self._run(self._conversation.call(server, tool, arguments, people_s=people_s, once=once))

    def delegate(
        self,
        to: str,
        request: str,
        content: dict[str, Any],
        *,
        result_s: float | None = None,
        goal_hash: str | None = None,
        statement: Statement | None = None,
    ) -> dict[str, Any]:
        """Asks another agent for work under a grant, and waits for its answer, `result_s` seconds at most.

        Raises `TimedOut` then, with the id by which `result_of` waits on.
        """
        steps = self._conversation.delegate(
            to, request, content, result_s=result_s, goal_hash=goal_hash, statement=statement
        )
        return self._run(steps)

    def send(
        self,
        to: str,
        request: str,
        content: dict[str, Any],
        *,
        goal_hash: str | None = None,
        statement: Statement | None = None,
    ) -> str:
        """Asks another agent for work and does not wait; the id of the request."""
        return self._run(self._conversation.send(to, request, content, goal_hash=goal_hash, statement=statement))

    def result_of(self, request: str, *, result_s: float | None = None) -> dict[str, Any]:
        """What came of a request that this agent made."""
        return self._run(self._conversation.result(request, result_s=result_s))

    def answered(self, request: str, *, result_s: float | None = None) -> Answered:
        """The same, with what was said beside it."""
        return self._run(self._conversation.answered(request, result_s=result_s))

    def inputs(self) -> Inputs:
        """On what this agent may rest a statement in this task."""
        return self._run(self._conversation.inputs())

    def requests(self, *, idle_s: float | None = None) -> Iterator[Received]:
        """What other agents ask of this one, as it comes; ends when nothing came for `idle_s` seconds."""
        while (request := self._run(self._conversation.next_request(idle_s=idle_s))) is not None:
            yield request

    def complete(
        self, request: Received, result: dict[str, Any], statement: Statement | None = None, *, kind: Kind = "data"
    ) -> None:
        """Answers a request, in the task that it came from."""
        self._run(self._conversation.complete(request, result, statement, kind=kind))

    def serve(
        self,
        handle: Callable[[Received, Agent], dict[str, Any]],
        *,
        idle_s: float | None = None,
        n_max: int | None = None,
    ) -> int:
        """Answers requests by `handle`, which is given this agent in the request's own task; how many there were.

        Ends when nothing came for `idle_s` seconds, or after `n_max`. If `handle` raises, the request is answered with
        `{"failed": true}`, and the kind of the error is logged.
        """
        steps = self._conversation.serve(idle_s=idle_s, n_max=n_max, on_failure=log_failure)
        return self._run(steps, handle)

    def spawn(
        self, agent: str, thumbprint: str, *, reason: str | None = None, people_s: float | None = None
    ) -> Instance:
        """Starts an instance of another agent, where this one's mandate says so; what its process needs to join.

        The process makes its key first, and `thumbprint` names that key: the token is worth nothing with another.
        `reason` is for people; the instance is told nothing. It belongs to the task that this agent is in.
        """
        return self._run(self._conversation.spawn(agent, thumbprint, reason=reason, people_s=people_s))

    def leave(self) -> None:
        """Ends the instance that this agent is, and all that it started. Whoever is none is refused."""
        self._run(self._conversation.leave())

    def report(self, status: Status, *, note: str | None = None) -> None:
        """Tells how this agent's work in the task stands. `failed` stops the workflow."""
        self._run(self._conversation.report(status, note=note))

    def ask(self, about: str, question: str, *, options: list[str] | None = None) -> str:
        """Asks what is meant; the id of the question.

        `about` is `objective`, `scope`, `success-criteria` or `out-of-scope`, or the id of a request that was received:
        ask that one from `within` the request. Until it is answered, this agent does little more than read in the task.
        """
        return self._run(self._conversation.ask(about, question, options=options))

    def clarifications(self) -> list[dict[str, Any]]:
        """Questions that this agent asked or was asked, with their answers."""
        return self._run(self._conversation.clarifications())

    def assume(self, text: str, *, inputs: list[str] | None = None) -> str:
        """Notes what this agent takes for granted in its task, and on what that rests; the id of the assumption.

        It is for this agent alone, and no statement may carry it, until a person lets it travel: see `assumptions`.
        """
        return self._run(self._conversation.assume(text, inputs=inputs))

    def assumptions(self) -> list[dict[str, Any]]:
        """What this agent assumes, and for whom that holds by now: `local`, `task` or `global`, as `scope` says."""
        return self._run(self._conversation.assumptions())

    def answer(self, question: str, answer: str) -> None:
        """Answers a question about a request that this agent made."""
        self._run(self._conversation.answer(question, answer))

    def checkpoint(self, note: Checkpoint) -> Context:
        """Notes what this agent goes on from: its context then counts as empty but for that. Then `resume`."""
        return self._run(self._conversation.checkpoint(note))

    def resume(self) -> Resumed:
        """The task as it was set, what this agent noted last in it, and how full its context is."""
        return self._run(self._conversation.resume())

    @property
    def messages(self) -> Messages:
        """Signed messages of this agent: `send`, `reply`, `ack`, and what comes, by `for event in agent.messages`."""
        return Messages(self)

    def offers(self, servers: Sequence[str], grants: Sequence[Grant] = ()) -> list[Offer]:
        """What to offer a model: all tools of these servers that the agent has, and a tool for each grant."""
        return self._run(offers(self._conversation, servers, grants))

    def use(self, offer: Offer, arguments: dict[str, Any]) -> str:
        """Does what a model asks for, and gives the words in which it is told what came of it."""
        return self._run(offer.use(self._conversation, arguments))

    def close(self) -> None:
        """Closes the connections, also of every agent that was made of this one by `within`."""
        self._client.close()

    def __enter__(self) -> Agent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, steps: Steps[T], handle: Callable[[Received, Agent], dict[str, Any]] | None = None) -> T:
        outcome: Outcome = None
        while True:
            try:
                need = steps.send(outcome)
            except StopIteration as end:
                # The value of a generator is not typed.
                done: T = end.value
                return done
            match need:
                case Exchange():
                    outcome = exchange(self._client, need)
                case Pause(seconds):
                    time.sleep(seconds)
                    outcome = None
                case Handle(request):
                    assert handle is not None, "only `serve` has something handled"
                    try:
                        outcome = Handled(handle(request, self.within(request)))
                    except Exception as error:
                        log_error(request, error)
                        outcome = Handled(None)


def token_of(task: str | Token | Received | None) -> Token | None:
    """The token in whatever names a task."""
    match task:
        case Received():
            return task.task
        case str():
            return Token(task)
        case _:
            return task


def environment() -> tuple[str, Credentials]:
    """Where maso is and who the agent is, as the environment has it."""
    return os.environ.get("MASO_URL", "http://127.0.0.1:7680"), Credentials.from_environment()


def log_error(request: Received, error: Exception) -> None:
    """Notes that the user's program failed at a request. Its words may be anybody's, so they are not repeated."""
    _log.error("failed at `%s` of %s: %s", request.kind, request.sender, type(error).__name__)


def log_failure(request: Received, error: MasoError) -> None:
    """Notes that a request could not be answered."""
    _log.error("could not answer `%s` of %s: %s", request.kind, request.sender, error)


_log = logging.getLogger("maso")
