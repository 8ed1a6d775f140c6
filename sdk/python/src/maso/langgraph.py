"""maso for LangGraph, and for all that takes LangChain's tools: `pip install maso[langgraph]`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, StructuredTool

from .agent import Agent
from .requests import Grant, Received
from .toolset import Offer, in_words, instruction_of


def tools(agent: Agent, servers: Sequence[str], grants: Sequence[Grant] = ()) -> list[BaseTool]:
    """The agent's tools of these servers, and one for each grant, in the task of `agent`."""
    return [_tool(agent, offer) for offer in agent.offers(servers, grants)]


def serve(
    agent: Agent,
    build: Callable[[Agent], Runnable[Any, Any]],
    *,
    answer: Callable[[Received, str], dict[str, Any]] = in_words,
    idle_s: float | None = None,
    n_max: int | None = None,
) -> int:
    """Answers requests of other agents by running a graph, one that `build` makes anew for each request.

    `build` is given the agent in the request's own task: tools made of it work there, and no memory goes from one task
    to the next. The answer is what `answer` makes of the graph's last message:
    `{"text": …}`, or what the grant's `answer` has. Ends as `Agent.serve` does.
    """

    def handle(request: Received, within: Agent) -> dict[str, Any]:
        final = build(within).invoke({"messages": [HumanMessage(instruction_of(request))]})
        last = final["messages"][-1]
        return answer(request, last.text if isinstance(last, BaseMessage) else str(last))

    return agent.serve(handle, idle_s=idle_s, n_max=n_max)


def _tool(agent: Agent, offer: Offer) -> BaseTool:
    def use(**arguments: Any) -> str:
        return agent.use(offer, arguments)

    # The schema as the server wrote it; maso holds the arguments against it.
    return StructuredTool(name=offer.name, description=offer.description, args_schema=offer.schema, func=use)
