"""Three agents built with CrewAI settle a claim. Their only tools are maso's: they meet nowhere else."""

import json
import os
import threading
from typing import Any

# Before the framework is there, or it tells of this run.
os.environ.update(OTEL_SDK_DISABLED="true", CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false")

import claims
from crewai import Agent, BaseLLM
from crewai.utilities.string_utils import sanitize_tool_name
from pydantic import PrivateAttr

import maso
import maso.crewai


def built(name: str, agent: maso.Agent) -> Agent:
    """One of the framework's agents. It may not delegate: what others do, they are asked for through maso."""
    tools = maso.crewai.tools(agent, claims.SERVERS[name], claims.grants(name))
    goal = "Each claim reaches its end"
    return Agent(
        role=name,
        goal=goal,
        backstory="Works at an insurer.",
        llm=ScriptedModel(name),
        tools=tools,
        allow_delegation=False,
    )


def work(name: str) -> None:
    """Answers what is asked of an agent, once."""
    with maso.Agent(claims.URL, claims.credentials(name)) as agent:
        maso.crewai.serve(agent, lambda within: built(name, within), answer=claims.answer, n_max=1)


def main() -> None:
    """Begins with what a person asks of `intake`."""
    others = [threading.Thread(target=work, args=(name,), daemon=True) for name in ("analysis", "communication")]
    for other in others:
        other.start()
    with maso.Agent.from_environment() as intake:
        print(maso.crewai.run(built("intake", intake), claims.INSTRUCTION))


class ScriptedModel(BaseLLM):
    """A model that follows a script."""

    _name: str = PrivateAttr()
    _script: claims.Script | None = PrivateAttr(None)

    def __init__(self, name: str) -> None:
        super().__init__(model="scripted")
        self._name = name

    def supports_function_calling(self) -> bool:
        """It names tools and arguments as data."""
        return True

    def get_input_tokens_count(self, messages: Any, tools: Any = None, response_model: Any = None) -> int:
        """None: nothing is sent to a model."""
        return 0

    def call(self, messages: Any, *_: Any, **__: Any) -> Any:
        """The next step of the script."""
        if self._script is None:
            instruction = next(message["content"] for message in messages if message["role"] == "user")
            self._script = claims.Script(self._name, instruction)
        heard = [message["content"] for message in messages if message["role"] == "tool"]
        said = self._script.say(heard[-1] if heard else "")
        if isinstance(said, str):
            return said
        function = {"name": sanitize_tool_name(said.tool), "arguments": json.dumps(said.arguments)}
        return [{"id": f"call-{len(messages)}", "type": "function", "function": function}]


if __name__ == "__main__":
    main()
