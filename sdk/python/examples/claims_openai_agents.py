"""Three agents built with the OpenAI Agents SDK settle a claim. Their only tools are maso's: they meet nowhere else."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import claims
from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

import maso
import maso.openai_agents

# Traces would go to the network.
CONFIG = RunConfig(tracing_disabled=True)


async def built(name: str, agent: maso.AsyncAgent) -> Agent[Any]:
    """One of the framework's agents. It has no handoffs: what others do, they are asked for through maso."""
    tools = await maso.openai_agents.tools(agent, claims.SERVERS[name], claims.grants(name))
    return Agent(name=name, model=ScriptedModel(name), tools=tools)


async def work(name: str) -> None:
    """Answers what is asked of an agent, once."""
    async with maso.AsyncAgent(claims.URL, claims.credentials(name)) as agent:
        await maso.openai_agents.serve(
            agent, lambda within: built(name, within), run_config=CONFIG, answer=claims.answer, n_max=1
        )


async def main() -> None:
    """Begins with what a person asks of `intake`."""
    others = [asyncio.create_task(work(name)) for name in ("analysis", "communication")]
    async with maso.AsyncAgent.from_environment() as intake:
        done = await Runner.run(await built("intake", intake), claims.INSTRUCTION, run_config=CONFIG, max_turns=50)
    print(done.final_output)
    await asyncio.gather(*others)


class ScriptedModel(Model):
    """A model that follows a script."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._script: claims.Script | None = None
        self._n_calls = 0

    async def get_response(self, system_instructions: Any, input: Any, *_: Any, **__: Any) -> ModelResponse:  # noqa: A002
        """The next step of the script."""
        items = [{"content": input}] if isinstance(input, str) else list(input)
        if self._script is None:
            self._script = claims.Script(self._name, items[0]["content"])
        said = self._script.say(items[-1].get("output", ""))
        self._n_calls += 1
        name = f"item-{self._n_calls}"
        output: Any
        if isinstance(said, str):
            text = ResponseOutputText(annotations=[], text=said, type="output_text")
            output = ResponseOutputMessage(
                id=name, content=[text], role="assistant", status="completed", type="message"
            )
        else:
            arguments = json.dumps(said.arguments)
            output = ResponseFunctionToolCall(name=said.tool, arguments=arguments, call_id=name, type="function_call")
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        """Nobody asks for a stream here."""
        raise NotImplementedError


if __name__ == "__main__":
    asyncio.run(main())
