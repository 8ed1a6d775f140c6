"""maso for Microsoft Agent Framework: `pip install maso[agent-framework]`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from agent_framework import FunctionTool, SupportsAgentRun

from .aio import AsyncAgent
from .requests import Grant, Received
from .toolset import Offer, in_words, instruction_of


async def tools(agent: AsyncAgent, servers: Sequence[str], grants: Sequence[Grant] = ()) -> list[FunctionTool]:
    """The agent's tools of these servers, and one for each grant, in the task of `agent`."""
    return [_tool(agent, offer) for offer in await agent.offers(servers, grants)]


async def serve(
    agent: AsyncAgent,
    build: Callable[[AsyncAgent], Awaitable[SupportsAgentRun]],
    *,
    answer: Callable[[Received, str], dict[str, Any]] = in_words,
    idle_s: float | None = None,
    n_max: int | None = None,
) -> int:
    """Answers requests of other agents by running one of the framework's, that `build` makes anew for each request.

    `build` is given the agent in the request's own task: tools made of it work there, and no memory goes from one task
    to the next. The answer is what `answer` makes of the framework's response:
    `{"text": …}`, or what the grant's `answer` has. Ends as `AsyncAgent.serve` does.
    """

    async def handle(request: Received, within: AsyncAgent) -> dict[str, Any]:
        built = await build(within)
        return answer(request, (await built.run(instruction_of(request))).text)

    return await agent.serve(handle, idle_s=idle_s, n_max=n_max)


def _tool(agent: AsyncAgent, offer: Offer) -> FunctionTool:
    async def use(**arguments: Any) -> str:
        return await agent.use(offer, arguments)

    # The schema as the server wrote it; maso holds the arguments against it.
    return FunctionTool(name=offer.name, description=offer.description, input_model=offer.schema, func=use)
