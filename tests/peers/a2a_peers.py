"""Lets the official Python SDK of A2A ask agents behind maso, and be asked through it.

    a2a_peers.py --maso BIN

Runs in the virtual environment `a2a`, which `./test` installs.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

import httpx
import jwt
import uvicorn
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.helpers import new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    CancelTaskRequest,
    GetExtendedAgentCardRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    TaskState,
)
from a2a.utils.errors import TaskNotFoundError
from a2a.utils.signing import create_agent_card_signer, create_signature_verifier
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.json_format import MessageToDict, ParseDict
from starlette.applications import Starlette

from frames import Http
from tally import Tally

OPERATOR = "owner"
PASSPHRASE = "a passphrase that only this test has"
# A client whose test has failed answers nothing any more.
TRIES_MAX = 2000

MASO = """name = "notes"
trust_domain = "notes.example"
tier = 1
accountable_human = "owner"

[[operators]]
name = "owner"
roles = ["operator", "supervisor", "security", "incident-commander"]
"""

WORKFLOW = """id = "SOL-0001-v1"
business_process = "notes"
intent = "check notes and ask for quotes"
outcome = "each note that was asked about is checked"
agents = ["writer", "reader", "partner"]
tools = ["quotes:quote", "offers:quote"]
process_owner = "owner"
technical_owner = "owner"
approved_by = ["owner"]
effective_date = "1970-01-01"
review_date = "2099-12-31"

[limits]
max_transactions_per_batch = 100
max_execution = "1h"
max_value_minor = 0

[[grants]]
from = "partner"
to = "reader"
request = "check"
tools = []
schema = { type = "object", required = ["note"], additionalProperties = false, properties = { note = { type = "string" } } }

[[grants]]
from = "partner"
to = "reader"
request = "tell"
tools = []
schema = { type = "object", required = ["text"], additionalProperties = false, properties = { text = { type = "string" } } }

[oispec]
goal = "check notes"
success_criteria = [{ id = "checked", text = "each note that was asked about is checked once" }]
failure_criteria = ["a note goes to anyone else"]
risk_classification = "low"
"""

AGENT = """id = "AGT-{name}-v1"
workflow = "notes"
intent = "check notes"
outcome = "the note is checked"
logic = ["check"]
escalation = "owner"
{more}
[oispec]
goal = "check notes"
success_criteria = ["the note is checked"]
failure_criteria = ["another note is checked"]
risk_classification = "low"
covers = ["checked"]
"""

QUOTES = """label = {{ integrity = "external", confidentiality = "internal" }}

[transport]
kind = "a2a"
card = "http://127.0.0.1:{port}/.well-known/agent-card.json"
keys = [{{ kty = "EC", crv = "P-256", x = "{x}", y = "{y}" }}]

[tools.quote]
class = "read"
reversibility = "reversible"
risk = "low"
"""


class Quotes(AgentExecutor):
    """An agent that quotes a price for what it is asked about, or asks how many are wanted."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        data = [MessageToDict(part.data) for part in context.message.parts if part.HasField("data")]
        if context.current_task is None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        if not data:
            await updater.requires_input(updater.new_agent_message([Part(text="how many?")]))
            return
        answer = Part()
        ParseDict({"data": {"price": 7, "of": data[0]["of"]}}, answer)
        await updater.add_artifact([answer, Part(text="seven")])
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


class Peer:
    """The SDK as a server in one binding, with a card that it signs."""

    def __init__(self, binding):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.config = uvicorn.Config(None, host="127.0.0.1", port=0, log_level="error")
        self.socket = self.config.bind_socket()
        self.port = self.socket.getsockname()[1]
        card = AgentCard(
            name="quotes",
            description="Quotes prices.",
            version="1.0.0",
            supported_interfaces=[
                AgentInterface(
                    url=f"http://127.0.0.1:{self.port}/", protocol_binding=binding, protocol_version="1.0"
                )
            ],
            capabilities=AgentCapabilities(streaming=True),
            default_input_modes=["application/json"],
            default_output_modes=["application/json"],
            skills=[AgentSkill(id="quote", name="Quote", description="Quotes a price.", tags=["price"])],
        )
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        sign = create_agent_card_signer(pem, {"alg": "ES256", "kid": "quotes", "jku": None, "typ": "JOSE"})
        card = sign(card)
        handler = DefaultRequestHandler(Quotes(), InMemoryTaskStore(), card)
        spoken = create_jsonrpc_routes(handler, "/") if binding == "JSONRPC" else create_rest_routes(handler)
        self.config.app = Starlette(routes=[*create_agent_card_routes(card), *spoken])
        self.server = uvicorn.Server(self.config)
        threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True).start()

    def jwk(self):
        return json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))


class Deployment:
    """A folder, and the program that serves it."""

    def __init__(self, maso, folder, peers):
        self.maso, self.folder = maso, Path(folder)
        self.environment = {**os.environ, "MASO_PASSPHRASE": PASSPHRASE, "MASO_OPERATOR": OPERATOR}
        files = {
            "maso.toml": MASO,
            "workflows/notes.toml": WORKFLOW,
            "agents/writer.toml": AGENT.format(name="0001", more='\n[tools."quotes:quote"]\n[tools."offers:quote"]\n'),
            "agents/reader.toml": AGENT.format(name="0002", more=""),
            "agents/partner.toml": AGENT.format(name="0003", more="\n[external]\n"),
        }
        for server, peer in peers.items():
            jwk = peer.jwk()
            files[f"tools/{server}.toml"] = QUOTES.format(port=peer.port, x=jwk["x"], y=jwk["y"])
        for path, text in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        self.run("operators", "passphrase", "--operator", OPERATOR, str(self.folder))
        self.child = subprocess.Popen(
            [self.maso, "up", "--listen", "127.0.0.1:0", str(self.folder)],
            env=self.environment, stdout=subprocess.PIPE, text=True,
        )
        self.base = next(
            found.group(1) for line in self.child.stdout if (found := re.search(r"sign in\s+(http://[^/]+)/", line))
        )

    def run(self, *arguments):
        done = subprocess.run(
            [self.maso, *arguments], env=self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"maso {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def token(self, agent):
        return self.run("agents", "token", "--agent", agent, str(self.folder)).strip()

    def approve(self, tool):
        waiting = json.loads(self.run("approvals", "list", "--json", str(self.folder)))["tools"]
        [digest] = [one["digest"] for one in waiting if one["tool"] == tool]
        self.run("approvals", "tool", "--tool", tool, "--digest", digest, str(self.folder))

    def mcp(self, agent, server):
        client = Http(f"{self.base}/mcp/{server}", "2025-11-25", self.token(agent))
        client.open()
        return client

    def down(self):
        self.child.terminate()
        self.child.communicate(timeout=60)


def call(client, tool, arguments):
    return client.request("tools/call", {"name": tool, "arguments": arguments})


def content(answer):
    assert "structuredContent" in answer.get("result", {}), answer
    return answer["result"]["structuredContent"]


def work(deployment, n_requests):
    """The reader: takes requests and answers them."""
    reader = deployment.mcp("reader", "maso")
    for _ in range(n_requests):
        requests = []
        while not requests:
            requests = content(call(reader, "receive_requests", {"wait_ms": 10000}))["requests"]
        result = {"checked": requests[0]["content"]["note"]}
        call(reader, "complete_request", {"id": requests[0]["id"], "result": result})


def message(note):
    part = Part()
    ParseDict({"data": {"note": note}}, part)
    said = Message(message_id=f"m-{note}", role=Role.ROLE_USER, parts=[part])
    said.metadata.update({"skill": "check"})
    return SendMessageRequest(message=said)


def said(text, task=None):
    words = Message(message_id=f"m-{len(text)}", role=Role.ROLE_USER, parts=[Part(text=text)])
    if task is None:
        words.metadata.update({"skill": "tell"})
    else:
        words.task_id = task.id
    return SendMessageRequest(message=words)


def taken(deployment):
    """The reader: takes a request, and does nothing about it."""
    told = content(call(deployment.mcp("reader", "maso"), "receive_requests", {"wait_ms": 10000}))
    # It may be told first that the one before was taken back.
    return told["requests"] or taken(deployment)


def work_that_asks(deployment):
    """The reader: asks what is meant, and answers with what it was told."""
    reader = deployment.mcp("reader", "maso")
    request = content(call(reader, "receive_requests", {"wait_ms": 10000}))["requests"][0]
    question = content(call(reader, "ask_clarification", {"about": request["id"], "question": "which note?"}))
    answers = []
    for _ in range(TRIES_MAX):
        asked = content(call(reader, "clarifications", {}))["clarifications"]
        answers = [one["answer"] for one in asked if one["answered"] and one["id"] == question["id"]]
        if answers:
            break
    call(reader, "complete_request", {"id": request["id"], "result": {"checked": answers[0]}})


async def asked_back(client, deployment):
    """The client is asked for input, which ends its stream, and answers on its task."""
    worker = asyncio.create_task(asyncio.to_thread(work_that_asks, deployment))
    events = [event async for event in client.send_message(said("check a note"))]
    task, status = events[0].task, events[-1].status_update.status if len(events) > 1 else events[0].task.status
    assert status.state == TaskState.TASK_STATE_INPUT_REQUIRED, events
    assert status.message.parts[0].text == "which note?", status
    events = [event async for event in client.send_message(said("the last one", task))]
    status = events[-1].status_update.status if len(events) > 1 else events[0].task.status
    assert status.state == TaskState.TASK_STATE_COMPLETED, events
    await worker
    told = await client.get_task(GetTaskRequest(id=task.id))
    assert MessageToDict(told.artifacts[0].parts[0].data) == {"checked": "the last one"}, told


async def as_client(deployment):
    """The SDK's client: finds the card, believes it, and has a note checked in each way."""
    with urllib.request.urlopen(f"{deployment.base}/.well-known/jwks.json") as answer:
        key = jwt.PyJWK(json.load(answer)["keys"][0])
    verify = create_signature_verifier(lambda _kid, _jku: key, ["EdDSA"])
    headers = {"Authorization": f"Bearer {deployment.token('partner')}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        card = await A2ACardResolver(http, f"{deployment.base}/a2a/reader").get_agent_card(signature_verifier=verify)

        def client_by(binding, streaming):
            config = ClientConfig(
                httpx_client=http,
                streaming=streaming,
                supported_protocol_bindings=[binding],
                use_client_preference=True,
            )
            return ClientFactory(config).create(card)

        ways = [(binding, streaming) for binding in ("JSONRPC", "HTTP+JSON") for streaming in (True, False)]
        worker = asyncio.create_task(asyncio.to_thread(work, deployment, len(ways)))
        for binding, streaming in ways:
            client = client_by(binding, streaming)
            note = f"n-{binding}-{streaming}"
            events = [event async for event in client.send_message(message(note))]
            task = events[0].task
            states = [event.status_update.status.state for event in events if event.HasField("status_update")]
            assert (states or [task.status.state])[-1] == TaskState.TASK_STATE_COMPLETED, events
            told = await client.get_task(GetTaskRequest(id=task.id))
            assert MessageToDict(told.artifacts[0].parts[0].data) == {"checked": note}, told
        await worker
        for binding, streaming in ways:
            await asked_back(client_by(binding, streaming), deployment)
        n_tasks = 2 * len(ways)
        for binding in ("JSONRPC", "HTTP+JSON"):
            # A stream would go on until somebody has worked on what is taken back here.
            client = client_by(binding, streaming=False)
            extended = await client.get_extended_agent_card(
                GetExtendedAgentCardRequest(), signature_verifier=verify
            )
            assert [skill.id for skill in extended.skills] == ["check", "tell"], extended
            listed = await client.list_tasks(ListTasksRequest())
            assert listed.total_size == n_tasks, listed
            waiting = message(f"taken-back-{binding}")
            waiting.configuration.return_immediately = True
            task = [event async for event in client.send_message(waiting)][0].task
            await asyncio.to_thread(taken, deployment)
            cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
            assert cancelled.status.state == TaskState.TASK_STATE_CANCELED, cancelled
            n_tasks += 1
            try:
                await client.get_task(GetTaskRequest(id="hop_00000000000000000000000000000000"))
                raise AssertionError("a task of nobody was found")
            except TaskNotFoundError:
                pass


def as_server(deployment, server):
    """The SDK's server: its skill is a tool once a person approved its card."""
    writer = deployment.mcp("writer", server)
    assert writer.request("tools/list", {})["result"]["tools"] == []
    deployment.approve(f"{server}:quote")
    tools = writer.request("tools/list", {})["result"]["tools"]
    assert [tool["name"] for tool in tools] == ["quote"], tools
    told = content(call(writer, "quote", {"data": {"of": "paper"}}))
    assert told["state"] == "TASK_STATE_COMPLETED", told
    quoted = told["artifacts"][0]["parts"][0]["data"]
    assert (float(quoted["price"]), quoted["of"]) == (7, "paper"), told
    asked = content(call(writer, "quote", {"text": "how much is paper?"}))
    assert asked["state"] == "TASK_STATE_INPUT_REQUIRED", asked
    going_on = content(call(writer, "quote", {"data": {"of": "paper"}, "taskId": asked["taskId"]}))
    assert (going_on["state"], going_on["taskId"]) == ("TASK_STATE_COMPLETED", asked["taskId"]), going_on


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--maso", required=True)
    args = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="maso-a2a-") as folder:
        peers = {"quotes": Peer("JSONRPC"), "offers": Peer("HTTP+JSON")}
        deployment = Deployment(str(Path(args.maso).resolve()), Path(folder) / "notes", peers)
        checks = [
            ("the SDK as a client of an agent behind maso", lambda: asyncio.run(as_client(deployment))),
            ("the SDK as a server that agents ask through maso", lambda: as_server(deployment, "quotes")),
            ("the same in HTTP+JSON", lambda: as_server(deployment, "offers")),
            ("the record verifies", lambda: deployment.run("log", "verify", str(deployment.folder))),
        ]
        try:
            for name, check in checks:
                tally.run(name, check)
        finally:
            deployment.down()
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
