"""maso for CrewAI: `pip install maso[crewai]`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from crewai import Agent as FrameworkAgent
from crewai import Crew, CrewOutput, Task
from crewai.tools import BaseTool
from crewai.utilities.pydantic_schema_utils import create_model_from_schema
from crewai.utilities.string_utils import sanitize_tool_name
from pydantic import BaseModel, PrivateAttr

from .agent import Agent
from .requests import Grant, Received
from .toolset import Offer, in_words, instruction_of


def tools(agent: Agent, servers: Sequence[str], grants: Sequence[Grant] = ()) -> list[BaseTool]:
    """The agent's tools of these servers, and one for each grant, in the task of `agent`."""
    offered = agent.offers(servers, grants)
    # The framework spells names anew, and takes the last of two that are the same then.
    spelled = [sanitize_tool_name(offer.name) for offer in offered]
    if twice := {name for name in spelled if spelled.count(name) > 1}:
        raise ValueError(f"two tools would have the name `{sorted(twice)[0]}`")
    return [MasoTool.of(agent, offer) for offer in offered]


def serve(
    agent: Agent,
    build: Callable[[Agent], FrameworkAgent],
    *,
    expected: str = "What came of the request",
    answer: Callable[[Received, str], dict[str, Any]] = in_words,
    idle_s: float | None = None,
    n_max: int | None = None,
) -> int:
    """Answers requests of other agents by a crew of one, that `build` makes anew for each request.

    `build` is given the agent in the request's own task: tools made of it work there, and no memory goes from one task
    to the next. The answer is what `answer` makes of the crew's output:
    `{"text": …}`, or what the grant's `answer` has. Ends as `Agent.serve` does.
    """

    def handle(request: Received, within: Agent) -> dict[str, Any]:
        return answer(request, run(build(within), instruction_of(request), expected=expected))

    return agent.serve(handle, idle_s=idle_s, n_max=n_max)


def run(worker: FrameworkAgent, instruction: str, *, expected: str = "What came of it") -> str:
    """Has one of the framework's agents do one thing. A crew of one: other agents are reached through maso."""
    # As a value and not in the text: the framework fills in what stands in braces there, and data may hold any.
    task = Task(description="{instruction}", expected_output=expected, agent=worker)
    crew = Crew(agents=[worker], tasks=[task], cache=False, memory=False, tracing=False)
    done = crew.kickoff(inputs={"instruction": instruction})
    assert isinstance(done, CrewOutput), "a crew gives a stream only where it was told to"
    return done.raw


class MasoTool(BaseTool):
    """A tool of the agent's, or a request that it may make, as a tool of CrewAI."""

    _agent: Agent = PrivateAttr()
    _offer: Offer = PrivateAttr()

    @classmethod
    def of(cls, agent: Agent, offer: Offer) -> MasoTool:
        """The tool that does this as that agent."""
        schema = create_model_from_schema(offer.schema, model_name=offer.name, __base__=_Given)
        tool = cls(
            name=offer.name,
            description=offer.description,
            args_schema=schema,
            # What was answered once is not what would be answered now, and maso would not know of it.
            cache_function=_never,
        )
        tool._agent, tool._offer = agent, offer
        return tool

    def _run(self, **arguments: Any) -> str:
        return self._agent.use(self._offer, arguments)


class _Given(BaseModel):
    """Arguments as they were given: one that was left out is not sent as null."""

    def model_dump(self, **how: Any) -> dict[str, Any]:
        return super().model_dump(**{"exclude_unset": True, **how})


def _never(_arguments: Any = None, _result: Any = None) -> bool:
    return False
