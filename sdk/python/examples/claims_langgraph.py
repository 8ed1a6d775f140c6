"""Three agents built with LangGraph settle a claim. Their only tools are maso's: they meet nowhere else."""

import threading
from typing import Any

import claims
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import PrivateAttr

import maso
import maso.langgraph


def graph(name: str, agent: maso.Agent) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The usual loop of model and tools."""
    tools = maso.langgraph.tools(agent, claims.SERVERS[name], claims.grants(name))
    model = ScriptedModel(name).bind_tools(tools)

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    built = StateGraph(MessagesState).add_node("model", think).add_node("tools", ToolNode(tools))
    built.add_edge(START, "model").add_conditional_edges("model", tools_condition).add_edge("tools", "model")
    return built.compile()


def work(name: str) -> None:
    """Answers what is asked of an agent, once."""
    with maso.Agent(claims.URL, claims.credentials(name)) as agent:
        maso.langgraph.serve(agent, lambda within: graph(name, within), answer=claims.answer, n_max=1)


def main() -> None:
    """Begins with what a person asks of `intake`."""
    others = [threading.Thread(target=work, args=(name,), daemon=True) for name in ("analysis", "communication")]
    for other in others:
        other.start()
    with maso.Agent.from_environment() as intake:
        final = graph("intake", intake).invoke({"messages": [("user", claims.INSTRUCTION)]}, {"recursion_limit": 50})
    print(final["messages"][-1].text)


class ScriptedModel(BaseChatModel):
    """A chat model that follows a script."""

    _name: str = PrivateAttr()
    _script: claims.Script | None = PrivateAttr(None)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> "ScriptedModel":
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        if self._script is None:
            self._script = claims.Script(self._name, messages[0].text)
        said = self._script.say(messages[-1].text)
        message = AIMessage(said if isinstance(said, str) else "")
        if isinstance(said, claims.Call):
            call = {"name": said.tool, "args": said.arguments, "id": f"call-{len(messages)}", "type": "tool_call"}
            message = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])


if __name__ == "__main__":
    main()
