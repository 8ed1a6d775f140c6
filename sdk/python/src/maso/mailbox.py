"""The door for signed messages, as `Agent` and `AsyncAgent` have it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import httpx

from .drivers import Reading, opened, opened_async
from .events import Asked, Event
from .messages import Draft, Listening, Post, Sent, answering
from .statements import Contract, Kind, Statement

if TYPE_CHECKING:
    from .agent import Agent
    from .aio import AsyncAgent


class Messages:
    """Signed messages of one agent, in its task. `for event in agent.messages` listens."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._post = Post(agent._conversation)

    def send(
        self,
        to: str,
        contract: Contract,
        content: dict[str, Any],
        *,
        goal_hash: str,
        statement: Statement | None = None,
        kind: Kind = "delegation",
        people_s: float | None = None,
    ) -> Sent:
        """Says something to another agent, signed by this agent's key.

        A delegation or an instruction asks for something, under a grant; its answer comes as an event. Data and claims
        tell something unasked, where the workflow has a message for that. What needs a person is said again, each time
        as a message of its own, for `people_s` seconds at most; then it raises `Held`.
        """
        draft = Draft(kind, to, contract, content, goal_hash, statement or Statement())
        return self._agent._run(self._post.say(draft, people_s=people_s))

    def reply(
        self,
        request: Asked,
        content: dict[str, Any],
        statement: Statement,
        *,
        kind: Kind = "data",
        version: int | None = None,
        goal_hash: str | None = None,
        people_s: float | None = None,
    ) -> None:
        """Answers a request by data or a claim, under the contract and for the goal of the request.

        Where that was made over MCP and says neither, `version` and `goal_hash` do.
        """
        draft = answering(request, kind, content, statement, version, goal_hash)
        self._agent._run(self._post.reply(request.id, draft, request.task, people_s=people_s))

    def ack(self, event: Event) -> None:
        """Says that this agent has it. Until then it comes again, to whoever of this agent listens next."""
        self._agent._run(self._post.acknowledge(event.id))

    def __iter__(self) -> Iterator[Event]:
        return self.events()

    def events(self, *, idle_s: float | None = None) -> Iterator[Event]:
        """What waits for this agent and what comes; ends when nothing came for `idle_s` seconds, else never.

        A connection that breaks is opened again, and what was not acknowledged comes again: expect what you know.
        """
        listening, agent = Listening(self._post, idle_s), self._agent
        while True:
            order = agent._run(listening.order())
            try:
                with opened(agent._client, order) as response:
                    if response.status_code != OK:
                        reading = Reading(order.body_bytes_max)
                        for chunk in response.iter_raw():
                            if not reading.take(chunk):
                                break
                        agent._run(listening.turned_away(reading.answer(response)))
                        continue
                    for chunk in response.iter_raw():
                        yield from listening.heard(chunk)
                        if listening.is_idle:
                            return
                    why = "it ended"
            except httpx.HTTPError as fault:
                if isinstance(fault, httpx.ReadTimeout) and listening.is_idle:
                    return
                why = type(fault).__name__
            agent._run(listening.broke(why))


class AsyncMessages:
    """As `Messages`; `async for event in agent.messages` listens."""

    def __init__(self, agent: AsyncAgent) -> None:
        self._agent = agent
        self._post = Post(agent._conversation)

    async def send(
        self,
        to: str,
        contract: Contract,
        content: dict[str, Any],
        *,
        goal_hash: str,
        statement: Statement | None = None,
        kind: Kind = "delegation",
        people_s: float | None = None,
    ) -> Sent:
        """As `Messages.send`."""
        draft = Draft(kind, to, contract, content, goal_hash, statement or Statement())
        return await self._agent._run(self._post.say(draft, people_s=people_s))

    async def reply(
        self,
        request: Asked,
        content: dict[str, Any],
        statement: Statement,
        *,
        kind: Kind = "data",
        version: int | None = None,
        goal_hash: str | None = None,
        people_s: float | None = None,
    ) -> None:
        """As `Messages.reply`."""
        draft = answering(request, kind, content, statement, version, goal_hash)
        await self._agent._run(self._post.reply(request.id, draft, request.task, people_s=people_s))

    async def ack(self, event: Event) -> None:
        """As `Messages.ack`."""
        await self._agent._run(self._post.acknowledge(event.id))

    def __aiter__(self) -> AsyncIterator[Event]:
        return self.events()

    async def events(self, *, idle_s: float | None = None) -> AsyncIterator[Event]:
        """As `Messages.events`."""
        listening, agent = Listening(self._post, idle_s), self._agent
        while True:
            order = await agent._run(listening.order())
            try:
                async with opened_async(agent._client, order) as response:
                    if response.status_code != OK:
                        reading = Reading(order.body_bytes_max)
                        async for chunk in response.aiter_raw():
                            if not reading.take(chunk):
                                break
                        await agent._run(listening.turned_away(reading.answer(response)))
                        continue
                    async for chunk in response.aiter_raw():
                        for event in listening.heard(chunk):
                            yield event
                        if listening.is_idle:
                            return
                    why = "it ended"
            except httpx.HTTPError as fault:
                if isinstance(fault, httpx.ReadTimeout) and listening.is_idle:
                    return
                why = type(fault).__name__
            await agent._run(listening.broke(why))


OK = 200
