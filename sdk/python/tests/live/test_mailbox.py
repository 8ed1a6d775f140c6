"""Signed messages against a running maso: asked, handed out again, answered, refused."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from deployment import PATIENCE_S, Deployment
from test_core import assess, extract

from maso import (
    Agent,
    AgentKey,
    Answered,
    Asked,
    AsyncAgent,
    Code,
    Contract,
    Credentials,
    MasoError,
    Provenance,
    Refused,
    Statement,
    Token,
    Told,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "messages.py"
# The version of the claims workflow's mandate.
ASSESS = Contract("assess_claim", 2)


def opened(deployment: Deployment, claim: str) -> tuple[str, str]:
    """A task about this claim: its token, and the hash of its specification."""
    words = ("--workflow", "claims", "--words", f"Settle the claim {claim}", "--json")
    told = json.loads(deployment.run("tasks", "open", *words, str(deployment.folder)))
    return told["token"], told["task"]["specification"]


def next_of(agent: Agent, kind: type[Any]) -> Any:
    """The next event of this kind."""
    return next(event for event in agent.messages if isinstance(event, kind))


def test_what_is_asked_by_a_message_is_answered_by_one(deployment: Deployment) -> None:
    claim = "C-1005"
    task, goal = opened(deployment, claim)
    with deployment.agent("intake", task=task) as intake, deployment.agent("analysis") as analysis:
        extract(intake, claim)
        sent = intake.messages.send("analysis", ASSESS, {"claim_id": claim}, goal_hash=goal)
        asked = next_of(analysis, Asked)
        assert (asked.id, asked.sender, asked.kind, asked.content) == (
            sent.id,
            "intake",
            "assess_claim",
            {"claim_id": claim},
        )
        assert asked.said is not None
        assert (asked.said.kind, asked.said.statement.classification) == ("delegation", "internal")
        assert asked.task is not None
        assert asked.task != Token(task)
        # What nobody acknowledged comes again, to whoever of the agent listens next.
        assert next_of(analysis, Asked) == asked
        analysis.messages.ack(asked)
        assert list(analysis.messages.events(idle_s=0)) == []
        assess(analysis.within(asked), claim)
        statement = Statement(provenance=Provenance("tool", "claims-db:read_claim", "tool-output"))
        analysis.messages.reply(asked, {"outcome": "assessed"}, statement)
        answered = next_of(intake, Answered)
        assert (answered.id, answered.result) == (sent.id, {"outcome": "assessed"})
        assert answered.said is not None
        assert answered.said.statement.provenance == statement.provenance
        intake.messages.ack(answered)
        intake.messages.ack(answered)


def test_the_same_with_an_event_loop(deployment: Deployment) -> None:
    claim = "C-1007"
    task, goal = opened(deployment, claim)
    worker = deployment.agent("analysis")
    with deployment.agent("intake", task=task) as intake:
        extract(intake, claim)

    async def talk() -> tuple[str, Any, str]:
        async with (
            AsyncAgent(deployment.url, deployment.shown("intake"), task=task) as asker,
            AsyncAgent(deployment.url, deployment.shown("analysis")) as analysis,
        ):
            sent = await asker.messages.send("analysis", ASSESS, {"claim_id": claim}, goal_hash=goal)
            async for event in analysis.messages:
                assert isinstance(event, Asked)
                await analysis.messages.ack(event)
                await asyncio.to_thread(assess, worker.within(event), claim)
                # By whichever door it is answered, whoever asked is told.
                await analysis.complete(event, {"outcome": "seen"})
                break
            async for event in asker.messages:
                await asker.messages.ack(event)
                assert isinstance(event, Answered)
                return sent.id, event.result, event.id
        raise AssertionError("nobody answered")

    with worker:
        sent, result, answered = asyncio.run(talk())
    assert (result, answered) == ({"outcome": "seen"}, sent)


def test_what_is_told_unasked_arrives_as_what_it_is(deployment: Deployment) -> None:
    claim = "C-1006"
    task, goal = opened(deployment, claim)
    with deployment.agent("intake", task=task) as intake, deployment.agent("analysis") as analysis:
        intake.call("claims-db", "list_claims", {})
        content, statement = {"claim_id": claim}, Statement(provenance=Provenance("agent-generated", "intake"))
        received = Contract("received", 2)
        how: dict[str, Any] = {"goal_hash": goal, "statement": statement, "kind": "data"}
        sent = intake.messages.send("analysis", received, content, **how)
        told = next_of(analysis, Told)
        assert (told.id, told.sender, told.contract, told.content) == (sent.id, "intake", "received", content)
        assert told.said is not None
        assert told.said.statement.provenance == statement.provenance
        analysis.messages.ack(told)
        # Nobody may tell what the workflow has no message for.
        with pytest.raises(Refused) as refused:
            intake.messages.send("analysis", Contract("rumour", 2), content, **how)
        assert refused.value.code == Code.OUT_OF_MANDATE


def test_a_stream_that_breaks_goes_on(deployment: Deployment) -> None:
    claim = "C-1008"
    task, goal = opened(deployment, claim)
    with deployment.agent("intake", task=task) as intake, deployment.agent("analysis") as analysis:
        extract(intake, claim)
        events = iter(analysis.messages)
        heard: list[Any] = []
        listener = threading.Thread(target=lambda: heard.append(next(events)), daemon=True)
        first = intake.messages.send("analysis", ASSESS, {"claim_id": claim}, goal_hash=goal)
        listener.start()
        listener.join(timeout=100)
        assert [event.id for event in heard] == [first.id]
        # The connection goes, and with it what was not acknowledged.
        analysis._client._transport.close()
        again = next(events)
        assert isinstance(again, Asked)
        assert (again.id, again.content) == (first.id, {"claim_id": claim})
        analysis.messages.ack(again)


def test_the_example_runs(deployment: Deployment) -> None:
    claim = "C-1012"
    task, goal = opened(deployment, claim)
    given = {
        "MASO_URL": deployment.url,
        "MASO_CREDENTIALS": str(deployment.credentials),
        "MASO_DEPLOYMENT": str(deployment.folder),
        "MASO_TASK": task,
        "MASO_GOAL": goal,
        "CLAIM": claim,
    }

    def run(agent: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(EXAMPLE), agent]
        return subprocess.Popen(command, env={**os.environ, **given}, stdout=subprocess.PIPE, text=True)

    answering, asking = run("analysis"), run("intake")
    try:
        said, _ = asking.communicate(timeout=PATIENCE_S)
        assert (asking.returncode, "'covered'" in said, "tool-output" in said) == (0, True, True), said
    finally:
        for child in (answering, asking):
            child.kill()
            child.communicate()


def test_nobody_speaks_in_anothers_name(deployment: Deployment, tmp_path: Path) -> None:
    task, goal = opened(deployment, "C-1009")
    stolen = deployment.shown("intake").token
    thief = Credentials(AgentKey.make(tmp_path / "thief.pem"), stolen)
    with Agent(deployment.url, thief, task=task) as agent:
        with pytest.raises(Refused) as told:
            agent.messages.send("analysis", ASSESS, {"claim_id": "C-1009"}, goal_hash=goal)
        assert told.value.code == Code.UNAUTHENTIC
        with pytest.raises(MasoError):
            next(iter(agent.messages))


def test_what_no_grant_allows_is_refused(deployment: Deployment) -> None:
    task, goal = opened(deployment, "C-1010")
    with deployment.agent("intake", task=task) as intake, pytest.raises(Refused) as told:
        intake.messages.send("communication", Contract("notify_outcome", 2), {}, goal_hash=goal)
    assert told.value.code in (Code.OUT_OF_MANDATE, Code.DENIED)
    assert told.value.hop is not None


def test_the_record_holds_together(deployment: Deployment) -> None:
    assert deployment.verified()
