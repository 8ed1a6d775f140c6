"""LangGraph, the OpenAI Agents SDK and Microsoft Agent Framework behind a running maso, with scripted models."""

import asyncio
import json
from typing import Any

import pytest
from adapters import settles
from agents.tool_context import ToolContext
from deployment import Deployment

import maso.agent_framework
import maso.langgraph
import maso.openai_agents
from maso import AsyncAgent, Tool, grants_in

Told = list[tuple[str, str, dict[str, Any]]]


@pytest.mark.parametrize(
    ("name", "claim", "approved"),
    [
        ("claims_langgraph", "C-1001", True),
        ("claims_langgraph", "C-1002", False),
        ("claims_openai_agents", "C-1004", True),
        ("claims_agent_framework", "C-1006", True),
    ],
)
def test_agents_settle_a_claim(deployment: Deployment, name: str, claim: str, approved: bool) -> None:
    settles(deployment, name, claim, approved=approved)


def with_langgraph(deployment: Deployment, name: str, calls: list[dict[str, Any]]) -> tuple[Told, list[str]]:
    """What LangChain's tools say of themselves, and what they say when they are called."""
    with deployment.agent(name) as agent:
        tools = maso.langgraph.tools(agent, ["documents", "claims-db"], grants(deployment, name))
        told = [(tool.name, tool.description, schema_of(tool.args_schema)) for tool in tools]
        by_name = {tool.name: tool for tool in tools}
        return told, [str(by_name["documents__list_documents"].invoke(call)) for call in calls]


def with_openai_agents(deployment: Deployment, name: str, calls: list[dict[str, Any]]) -> tuple[Told, list[str]]:
    """The same of that SDK's."""

    async def use() -> tuple[Told, list[str]]:
        async with AsyncAgent(deployment.url, deployment.shown(name)) as agent:
            tools = await maso.openai_agents.tools(agent, ["documents", "claims-db"], grants(deployment, name))
            by_name: dict[str, Any] = {tool.name: tool for tool in tools}
            told = [(tool.name, tool.description, tool.params_json_schema) for tool in by_name.values()]
            said = []
            for call in calls:
                tool, text = by_name["documents__list_documents"], json.dumps(call)
                context: ToolContext[Any] = ToolContext(
                    context=None, tool_name=tool.name, tool_call_id="1", tool_arguments=text
                )
                said.append(str(await tool.on_invoke_tool(context, text)))
            return told, said

    return asyncio.run(use())


def with_agent_framework(deployment: Deployment, name: str, calls: list[dict[str, Any]]) -> tuple[Told, list[str]]:
    """The same of that framework's."""

    async def use() -> tuple[Told, list[str]]:
        async with AsyncAgent(deployment.url, deployment.shown(name)) as agent:
            tools = await maso.agent_framework.tools(agent, ["documents", "claims-db"], grants(deployment, name))
            told = [(tool.name, tool.description, tool.parameters()) for tool in tools]
            by_name = {tool.name: tool for tool in tools}
            said = []
            for call in calls:
                parts = await by_name["documents__list_documents"].invoke(arguments=call)
                said.append("".join(part.text or "" for part in parts))
            return told, said

    return asyncio.run(use())


def grants(deployment: Deployment, name: str) -> list[maso.Grant]:
    return grants_in(deployment.folder / "workflows" / "claims.toml", name)


def schema_of(schema: Any) -> dict[str, Any]:
    assert isinstance(schema, dict)
    return schema


@pytest.mark.parametrize(
    ("use", "name"),
    # Each by another agent, or the refusals of all would stop one.
    [(with_langgraph, "intake"), (with_openai_agents, "analysis"), (with_agent_framework, "intake")],
)
def test_tools_say_what_maso_says(deployment: Deployment, use: Any, name: str) -> None:
    told, said = use(deployment, name, [{"claim_id": "C-1001"}, {"claim_id": "nobody's"}])
    with deployment.agent(name) as agent:
        listed: list[Tool] = [tool for server in ("documents", "claims-db") for tool in agent.tools(server)]
    [grant] = grants(deployment, name)
    # All of its tools, its one grant, and nothing else: no other way out.
    assert [one[1:] for one in told] == [(tool.description, tool.schema) for tool in listed] + [
        (grant.told, grant.schema)
    ]
    assert [one[0] for one in told] == [f"{tool.server}__{tool.name}" for tool in listed] + [
        f"ask__{grant.to}__{grant.request}"
    ]
    allowed, refused = said
    assert json.loads(allowed)["documents"]
    # A refusal is words for the model, not an error of the program.
    assert refused.startswith("maso refused this: ")
