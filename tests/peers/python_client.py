"""The Python SDK as a client: asks what it reads from standard input, writes what it was answered."""

import asyncio
import json
import sys

import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import get_default_environment
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from frames import answer_server


async def sample(_context, _params):
    return types.CreateMessageResult.model_validate(answer_server("sampling/createMessage", {}))


async def elicit(_context, params):
    return types.ElicitResult.model_validate(answer_server("elicitation/create", {"mode": params.mode}))


async def roots(_context):
    return types.ListRootsResult.model_validate(answer_server("roots/list", {}))


async def ask(client, method, params):
    if method == "tools/call":
        return await client.call_tool(params["name"], params["arguments"])
    if method == "resources/read":
        return await client.read_resource(params["uri"])
    if method == "resources/list":
        return await client.list_resources()
    if method == "resources/templates/list":
        return await client.list_resource_templates()
    if method == "prompts/get":
        return await client.get_prompt(params["name"], params.get("arguments"))
    ref = params["ref"]
    kind = types.PromptReference if ref["type"] == "ref/prompt" else types.ResourceTemplateReference
    context = params.get("context", {}).get("arguments")
    return await client.complete(kind.model_validate(ref), params["argument"], context)


async def main():
    order = json.load(sys.stdin)
    if "url" in order:
        http = create_mcp_http_client(headers={"Authorization": f"Bearer {order['token']}"})
        server = streamable_http_client(order["url"], http_client=http)
    else:
        command = order["command"]
        import os

        server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
    transcript = []
    async with Client(
        server, sampling_callback=sample, elicitation_callback=elicit, list_roots_callback=roots
    ) as client:
        for wanted in order["asks"]:
            method, params = wanted["method"], wanted["params"]
            entry = {"what": f"{method} {json.dumps(params)}"}
            try:
                answer = await ask(client, method, params)
                said = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
                for key in ("resultType", "ttlMs", "cacheScope"):
                    said.pop(key, None)
                meta = said.get("_meta", {})
                meta.pop("io.modelcontextprotocol/serverInfo", None)
                if not meta:
                    said.pop("_meta", None)
                entry["result"] = said
            except MCPError as error:
                entry["error"] = {"code": error.error.code, "message": error.error.message}
            except (RuntimeError, ValueError) as error:
                entry["raised"] = f"{type(error).__name__}: {error}"
            transcript.append(entry)
    json.dump(transcript, sys.stdout)


asyncio.run(main())
