"""maso for the OpenAI Agents SDK: `pip install maso[openai-agents]`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from agents import Agent as FrameworkAgent
from agents import FunctionTool, RunConfig, Runner, Tool
from agents.tool_context import ToolContext

from .aio import AsyncAgent
from .requests import Grant, Received
from .toolset import Offer, arguments_in, in_words, instruction_of


async def tools(agent: AsyncAgent, servers: Sequence[str], grants: Sequence[Grant] = ()) -> list[Tool]:
    """The agent's tools of these servers, and one for each grant, in the task of `agent`."""
    return [_tool(agent, offer) for offer in await agent.offers(servers, grants)]


async def serve(
    agent: AsyncAgent,
    build: Callable[[AsyncAgent], Awaitable[FrameworkAgent[Any]]],
    *,
    run_config: RunConfig | None = None,
    turns_max: int = 50,
    answer: Callable[[Received, str], dict[str, Any]] = in_words,
    idle_s: float | None = None,
    n_max: int | None = None,
) -> int:
    """Answers requests of other agents by running one of the framework's, that `build` makes anew for each request.

    `build` is given the agent in the request's own task: tools made of it work there, and no memory goes from one task
    to the next. The answer is what `answer` makes of the final output:
    `{"text": …}`, or what the grant's `answer` has. Ends as `AsyncAgent.serve` does.
    """

    async def handle(request: Received, within: AsyncAgent) -> dict[str, Any]:
        built = await build(within)
        done = await Runner.run(built, instruction_of(request), max_turns=turns_max, run_config=run_config)
        return answer(request, str(done.final_output))

    return await agent.serve(handle, idle_s=idle_s, n_max=n_max)


def _tool(agent: AsyncAgent, offer: Offer) -> FunctionTool:
    async def use(_context: ToolContext[Any], arguments: str) -> str:
        try:
            given = arguments_in(arguments)
        except ValueError:
            return "expected the arguments as a JSON object"
        return await agent.use(offer, given)

    return FunctionTool(
        name=offer.name,
        description=offer.description,
        # The schema as the server wrote it: the framework's strict form would say something else.
        params_json_schema=offer.schema,
        strict_json_schema=False,
        on_invoke_tool=use,
    )
