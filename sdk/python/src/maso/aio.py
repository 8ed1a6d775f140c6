"""An agent, for programs with `asyncio`. What each method does, `Agent` says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar

import httpx

from .address import Address
from .agent import environment, log_error, log_failure, token_of
from .answers import Result
from .contexts import Checkpoint, Context, Resumed
from .conversation import Conversation, Status
from .credentials import Credentials
from .drivers import WORLD, exchange_async
from .events import Answered
from .instances import Instance
from .joining import join
from .keys import AgentKey
from .mailbox import AsyncMessages
from .patience import Patience
from .requests import Grant, Received
from .secret import Token
from .statements import Inputs, Kind, Statement
from .steps import Exchange, Handle, Handled, Outcome, Pause, Steps
from .tools import Tool
from .toolset import Offer, offers

T = TypeVar("T")


class AsyncAgent:
    """As `Agent`: the same conversation, with an event loop under it."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        task: str | Token | None = None,
        patience: Patience | None = None,
        verify: Any = True,
    ) -> None:
        """As `Agent`."""
        self._conversation = Conversation(
            Address.parse(url), credentials, WORLD, patience or Patience(), token_of(task)
        )
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, verify=verify)

    @classmethod
    def from_environment(cls, *, patience: Patience | None = None) -> AsyncAgent:
        """As `Agent.from_environment`."""
        return cls(*environment(), task=os.environ.get("MASO_TASK") or None, patience=patience)

    @classmethod
    async def join(
        cls,
        url: str,
        token: str | Token,
        key: str | os.PathLike[str],
        *,
        task: str | Token | None = None,
        patience: Patience | None = None,
        verify: Any = True,
    ) -> AsyncAgent:
        """As `Agent.join`."""
        made, patience = AgentKey.load_or_make(key), patience or Patience()
        shown = token if isinstance(token, Token) else Token(token)
        agent = cls(url, Credentials(made, lambda: shown), task=task, patience=patience, verify=verify)
        conversation = agent._conversation
        try:
            steps = join(conversation.address, made, shown, conversation.world, patience)
            credentials = Credentials(made, await agent._run(steps))
        except BaseException:
            await agent.aclose()
            raise
        agent._conversation = replace(conversation, credentials=credentials)
        return agent

    def within(self, task: str | Token | Received | None) -> AsyncAgent:
        """As `Agent.within`."""
        other = object.__new__(AsyncAgent)
        other._conversation = self._conversation.within(token_of(task))
        other._client = self._client
        return other

    async def tools(self, server: str) -> list[Tool]:
        """As `Agent.tools`."""
        return await self._run(self._conversation.tools(server))

    async def call(
        self, server: str, tool: str, arguments: dict[str, Any], *, people_s: float | None = None, once: bool = False
    ) -> Result:
        """As `Agent.call`."""
        return await self._run(self._conversation.call(server, tool, arguments, people_s=people_s, once=once))

    async def delegate(
        self,
        to: str,
        request: str,
        content: dict[str, Any],
        *,
        result_s: float | None = None,
        goal_hash: str | None = None,
        statement: Statement | None = None,
    ) -> dict[str, Any]:
        """As `Agent.delegate`."""
        steps = self._conversation.delegate(
            to, request, content, result_s=result_s, goal_hash=goal_hash, statement=statement
        )
        return await self._run(steps)

    async def send(
        self,
        to: str,
        request: str,
        content: dict[str, Any],
        *,
        goal_hash: str | None = None,
        statement: Statement | None = None,
    ) -> str:
        """As `Agent.send`."""
        return await self._run(self._conversation.send(to, request, content, goal_hash=goal_hash, statement=statement))

    async def result_of(self, request: str, *, result_s: float | None = None) -> dict[str, Any]:
        """As `Agent.result_of`."""
        return await self._run(self._conversation.result(request, result_s=result_s))

    async def answered(self, request: str, *, result_s: float | None = None) -> Answered:
        """As `Agent.answered`."""
        return await self._run(self._conversation.answered(request, result_s=result_s))

    async def inputs(self) -> Inputs:
        """As `Agent.inputs`."""
        return await self._run(self._conversation.inputs())

    async def requests(self, *, idle_s: float | None = None) -> AsyncIterator[Received]:
        """As `Agent.requests`."""
        while (request := await self._run(self._conversation.next_request(idle_s=idle_s))) is not None:
            yield request

    async def complete(
        self, request: Received, result: dict[str, Any], statement: Statement | None = None, *, kind: Kind = "data"
    ) -> None:
        """As `Agent.complete`."""
        await self._run(self._conversation.complete(request, result, statement, kind=kind))

    async def serve(
        self,
        handle: Callable[[Received, AsyncAgent], Awaitable[dict[str, Any]]],
        *,
        idle_s: float | None = None,
        n_max: int | None = None,
    ) -> int:
        """As `Agent.serve`."""
        steps = self._conversation.serve(idle_s=idle_s, n_max=n_max, on_failure=log_failure)
        return await self._run(steps, handle)

    async def spawn(
        self, agent: str, thumbprint: str, *, reason: str | None = None, people_s: float | None = None
    ) -> Instance:
        """As `Agent.spawn`."""
        return await self._run(self._conversation.spawn(agent, thumbprint, reason=reason, people_s=people_s))

    async def leave(self) -> None:
        """As `Agent.leave`."""
        await self._run(self._conversation.leave())

    async def report(self, status: Status, *, note: str | None = None) -> None:
        """As `Agent.report`."""
        await self._run(self._conversation.report(status, note=note))

    async def ask(self, about: str, question: str, *, options: list[str] | None = None) -> str:
        """As `Agent.ask`."""
        return await self._run(self._conversation.ask(about, question, options=options))

    async def clarifications(self) -> list[dict[str, Any]]:
        """As `Agent.clarifications`."""
        return await self._run(self._conversation.clarifications())

    async def assume(self, text: str, *, inputs: list[str] | None = None) -> str:
        """As `Agent.assume`."""
        return await self._run(self._conversation.assume(text, inputs=inputs))

    async def assumptions(self) -> list[dict[str, Any]]:
        """As `Agent.assumptions`."""
        return await self._run(self._conversation.assumptions())

    async def answer(self, question: str, answer: str) -> None:
        """As `Agent.answer`."""
        await self._run(self._conversation.answer(question, answer))

    async def checkpoint(self, note: Checkpoint) -> Context:
        """As `Agent.checkpoint`."""
        return await self._run(self._conversation.checkpoint(note))

    async def resume(self) -> Resumed:
        """As `Agent.resume`."""
        return await self._run(self._conversation.resume())

    @property
    def messages(self) -> AsyncMessages:
        """As `Agent.messages`, with `async for`."""
        return AsyncMessages(self)

    async def offers(self, servers: Sequence[str], grants: Sequence[Grant] = ()) -> list[Offer]:
        """As `Agent.offers`."""
        return await self._run(offers(self._conversation, servers, grants))

    async def use(self, offer: Offer, arguments: dict[str, Any]) -> str:
        """As `Agent.use`."""
        return await self._run(offer.use(self._conversation, arguments))

    async def aclose(self) -> None:
        """As `Agent.close`."""
        await self._client.aclose()

    async def __aenter__(self) -> AsyncAgent:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _run(
        self, steps: Steps[T], handle: Callable[[Received, AsyncAgent], Awaitable[dict[str, Any]]] | None = None
    ) -> T:
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
                    outcome = await exchange_async(self._client, need)
                case Pause(seconds):
                    await asyncio.sleep(seconds)
                    outcome = None
                case Handle(request):
                    assert handle is not None, "only `serve` has something handled"
                    try:
                        outcome = Handled(await handle(request, self.within(request)))
                    except Exception as error:
                        log_error(request, error)
                        outcome = Handled(None)
