"""The agents against a running maso: allowed, held and approved, delegated, asked and answered."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from deployment import Deployment

from maso import (
    Agent,
    AsyncAgent,
    Checkpoint,
    Code,
    Decision,
    Held,
    Received,
    Refused,
    Token,
    UnknownTool,
    grants_in,
)
from maso.joining import Membership


def extract(intake: Agent, claim: str) -> None:
    """What `intake` does with a claim before it may hand it on."""
    listed = intake.call("documents", "list_documents", {"claim_id": claim}).data
    names = [document["name"] for document in listed["documents"]]
    intake.call("claims-db", "record_extract", {"claim_id": claim, "documents": names})


def assess(analysis: Agent, claim: str) -> dict[str, Any]:
    """What `analysis` does before it has a claim paid; the payment."""
    read = analysis.call("claims-db", "read_claim", {"claim_id": claim}).data
    policy = analysis.call("claims-db", "read_policy", {"policy_id": read["policy_id"]}).data
    assessment = {"claim_id": claim, "covered": True, "rationale": "inside the time of cover"}
    analysis.call("claims-db", "record_assessment", assessment)
    amount, account = read["payable_minor"], policy["payee_iban"]
    return {"claim_id": claim, "amount_minor": amount, "payee_iban": account, "idempotency_key": f"{claim}-1"}


def test_an_agent_sees_and_uses_what_is_in_its_mandate(deployment: Deployment) -> None:
    with deployment.agent("intake") as intake:
        assert {tool.name for tool in intake.tools("claims-db")} == {"list_claims", "record_extract"}
        listed = intake.call("claims-db", "list_claims", {})
        assert len(listed.data["claims"]) == 12
        assert json.loads(listed.text) == listed.data
        with pytest.raises(UnknownTool, match="`pay_claim`"):
            intake.call("claims-db", "pay_claim", {"claim_id": "C-1001"})


def test_an_agent_joins_once_and_stays(deployment: Deployment, tmp_path: Path) -> None:
    issued = deployment.run("agents", "join-token", "--agent", "intake", "--ttl", "10m", str(deployment.folder))
    token = issued.split()[0]
    with Agent.join(deployment.url, token, tmp_path / "key.pem") as intake:
        assert {tool.name for tool in intake.tools("claims-db")} == {"list_claims", "record_extract"}
        held = intake._conversation.credentials.token
        assert isinstance(held, Membership)
        first = held()
        # As if half of its life were over.
        held._renew_at_s = 0.0
        assert intake.tools("claims-db")
        assert held() != first

    async def again() -> None:
        await AsyncAgent.join(deployment.url, token, tmp_path / "other.pem")

    with pytest.raises(Refused) as told:
        asyncio.run(again())
    assert told.value.code == Code.UNAUTHENTIC


def test_the_same_with_an_event_loop(deployment: Deployment) -> None:
    async def look() -> tuple[set[str], int]:
        async with AsyncAgent(deployment.url, deployment.shown("intake")) as intake:
            tools = {tool.name for tool in await intake.tools("claims-db")}
            listed = await asyncio.gather(*(intake.call("claims-db", "list_claims", {}) for _ in range(4)))
            return tools, len({result.text for result in listed})

    assert asyncio.run(look()) == ({"list_claims", "record_extract"}, 1)


def test_a_claim_is_handed_on_and_paid_once_a_person_has_approved_it(deployment: Deployment) -> None:
    claim = "C-1001"
    task = deployment.task(claim)
    tickets = []

    def settle(request: Received, analysis: Agent) -> dict[str, Any]:
        assert (request.sender, request.kind, request.content) == ("intake", "assess_claim", {"claim_id": claim})
        # The same task, under a token that is good for what was asked and for nobody else.
        assert request.task is not None
        assert request.task != Token(task)
        payment = assess(analysis, request.content["claim_id"])
        with pytest.raises(Held) as held:
            analysis.call("claims-db", "pay_claim", payment, people_s=0)
        assert deployment.rows("SELECT * FROM payments") == []
        tickets.append((held.value.ticket, deployment.approve(claim)))
        # The identical call meets the same ticket, and its approval.
        return {"paid": analysis.call("claims-db", "pay_claim", payment, once=True).data}

    def work() -> None:
        with deployment.agent("analysis") as analysis:
            analysis.serve(settle, n_max=1)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    with deployment.agent("intake", task=task) as intake:
        extract(intake, claim)
        result = intake.delegate("analysis", "assess_claim", {"claim_id": claim}, result_s=100)
    assert "paid" in result, result
    [(held, approved)] = tickets
    assert held == approved
    assert len(deployment.rows(f"SELECT * FROM payments WHERE claim_id = '{claim}'")) == 1
    worker.join(timeout=100)
    assert not worker.is_alive()


def test_what_is_unclear_is_asked_and_what_is_answered_goes_on(deployment: Deployment) -> None:
    claim = "C-1002"
    with deployment.agent("intake", task=deployment.task(claim)) as intake:
        question = intake.ask("scope", "With or without the letter?", options=["with", "without"])
        intake.call("documents", "list_documents", {"claim_id": claim})
        with pytest.raises(Refused) as told:
            intake.call("claims-db", "record_extract", {"claim_id": claim, "documents": ["estimate.txt"]})
        assert told.value.code == Code.UNCLEAR
        [asked] = [one for one in intake.clarifications() if one["id"] == question]
        assert asked["answered"] is False
        words = ("tasks", "clarify", "--task", asked["task"], "--question", question, "--answer", "with")
        deployment.run(*words, str(deployment.folder))
        [asked] = [one for one in intake.clarifications() if one["id"] == question]
        assert asked["answer"] == "with"
        extract(intake, claim)


def test_what_an_agent_assumes_is_its_own_until_a_person_lets_it_travel(deployment: Deployment) -> None:
    with deployment.agent("intake", task=deployment.task("C-1003")) as intake:
        intake.call("claims-db", "list_claims", {})
        made = intake.assume("The loss was reported once.", inputs=sorted(intake.inputs().sources)[:1])
        [own] = [one for one in intake.assumptions() if one["id"] == made]
        assert (own["scope"], own["answered"], len(own["inputs"])) == ("local", False, 1)
        words = ("tasks", "promote", "--task", own["task"], "--assumption", made, "--scope", "task")
        deployment.run(*words, str(deployment.folder))
        [own] = [one for one in intake.assumptions() if one["id"] == made]
        assert (own["scope"], own["answered"]) == ("task", True)


def test_a_person_says_what_was_meant_to_whoever_has_claims_paid(deployment: Deployment) -> None:
    claim = "C-1004"
    with deployment.agent("intake", task=deployment.task(claim)) as intake, deployment.agent("analysis") as analysis:
        extract(intake, claim)
        sent = intake.send("analysis", "assess_claim", {"claim_id": claim})
        [request] = analysis.requests(idle_s=0)
        assert request.id == sent
        question = analysis.within(request).ask(request.id, "Which estimate counts?")
        # It acts, so no other agent tells it anything in words.
        assert not [one for one in intake.clarifications() if one["id"] == question]
        [asked] = [one for one in analysis.clarifications() if one["id"] == question]
        words = ("tasks", "clarify", "--task", asked["task"], "--question", question, "--answer", "the later one")
        deployment.run(*words, str(deployment.folder))
        [asked] = [one for one in analysis.clarifications() if one["id"] == question]
        assert asked["answer"] == "the later one"
        assess(analysis.within(request), claim)
        analysis.complete(request, {"outcome": "assessed"})
        assert intake.result_of(sent) == {"outcome": "assessed"}
        intake.report("completed", note="handed on")


def test_an_agent_goes_on_in_an_empty_context_from_what_it_noted(deployment: Deployment) -> None:
    with deployment.agent("intake", task=deployment.task("C-1011")) as intake:
        intake.call("claims-db", "list_claims", {})
        begun = intake.resume()
        assert begun.checkpoint is None
        assert begun.context.used > 0
        note = Checkpoint(begun.goal, ("amounts are in EUR",), (Decision("C-1011 comes first", "it is the oldest"),))
        assert intake.checkpoint(note).used < begun.context.used
        assert intake.resume().checkpoint == note
        intake.call("claims-db", "list_claims", {})
        with pytest.raises(Refused) as told:
            intake.checkpoint(Checkpoint("another goal"))
        assert told.value.code == Code.DENIED


def test_the_grants_of_an_agent_stand_in_its_workflow(deployment: Deployment) -> None:
    workflow = deployment.folder / "workflows" / "claims.toml"
    [grant] = grants_in(workflow, "intake")
    assert (grant.to, grant.request) == ("analysis", "assess_claim")
    assert grant.schema["required"] == ["claim_id"]
    assert grant.version == 2
    assert grants_in(workflow, "communication") == []


def test_the_record_holds_together(deployment: Deployment) -> None:
    assert deployment.verified()
