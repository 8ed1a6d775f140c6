"""Three agents built with Microsoft Agent Framework settle a claim. They have maso's tools, and no others."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import claims
from agent_framework import Agent, BaseChatClient, ChatResponse, Content, FunctionInvocationLayer, Message

import maso
import maso.agent_framework


async def built(name: str, agent: maso.AsyncAgent) -> Agent[Any]:
    """One of the framework's agents."""
    tools = await maso.agent_framework.tools(agent, claims.SERVERS[name], claims.grants(name))
    return Agent(ScriptedClient(name), name=name, tools=tools)


async def work(name: str) -> None:
    """Answers what is asked of an agent, once."""
    async with maso.AsyncAgent(claims.URL, claims.credentials(name)) as agent:
        await maso.agent_framework.serve(agent, lambda within: built(name, within), answer=claims.answer, n_max=1)


async def main() -> None:
    """Begins with what a person asks of `intake`."""
    others = [asyncio.create_task(work(name)) for name in ("analysis", "communication")]
    async with maso.AsyncAgent.from_environment() as intake:
        done = await (await built("intake", intake)).run(claims.INSTRUCTION)
    print(done.text)
    await asyncio.gather(*others)


class ScriptedClient(FunctionInvocationLayer[Any], BaseChatClient[Any]):
    """A chat client that follows a script."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._script: claims.Script | None = None

    def _inner_get_response(
        self, *, messages: Sequence[Message], stream: bool, options: Mapping[str, Any], **_: Any
    ) -> Awaitable[ChatResponse]:
        async def respond() -> ChatResponse:
            if self._script is None:
                self._script = claims.Script(self._name, messages[0].text)
            heard = "".join(
                str(content.result) for content in messages[-1].contents if content.type == "function_result"
            )
            said = self._script.say(heard)
            if isinstance(said, str):
                return ChatResponse(messages=[Message("assistant", [said])])
            call = Content.from_function_call(f"call-{len(messages)}", said.tool, arguments=said.arguments)
            return ChatResponse(messages=[Message("assistant", [call])])

        return respond()


if __name__ == "__main__":
    asyncio.run(main())
