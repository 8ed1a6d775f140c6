"""What must not work, from the side of an agent that tries."""

import secrets
import time
from pathlib import Path

import httpx
import pytest
from deployment import Deployment
from test_core import extract

from maso import Agent, AgentKey, Code, Credentials, MasoError, Received, Refused, TimedOut, UnknownRequest
from maso.address import Address
from maso.conversation import Conversation
from maso.drivers import exchange
from maso.patience import Patience
from maso.steps import Answer, Exchange, World


def test_a_stolen_token_is_worth_nothing_without_its_key(deployment: Deployment, tmp_path: Path) -> None:
    stolen = deployment.shown("intake").token
    thief = Credentials(AgentKey.make(tmp_path / "thief.pem"), stolen)
    with Agent(deployment.url, thief) as agent, pytest.raises(Refused) as told:
        agent.tools("claims-db")
    assert told.value.code == Code.UNAUTHENTIC
    bearer = {"Authorization": f"Bearer {stolen().expose()}", "Accept": "application/json, text/event-stream"}
    frame = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert httpx.post(f"{deployment.url}/mcp/maso", json=frame, headers=bearer).status_code == 401
    # With the key, the same token works.
    with deployment.agent("intake") as intake:
        assert intake.tools("claims-db")


def listing(deployment: Deployment) -> Exchange:
    """A request to list tools, with its proof."""
    world = World(time.time, time.monotonic, lambda: secrets.token_urlsafe(18), lambda: secrets.token_hex(16))
    address = Address.parse(deployment.url)
    need = next(Conversation(address, deployment.shown("intake"), world, Patience()).tools("claims-db"))
    assert isinstance(need, Exchange)
    return need


def test_a_request_that_was_overheard_is_worth_nothing_a_second_time(deployment: Deployment) -> None:
    overheard = listing(deployment)
    with httpx.Client(trust_env=False) as client:
        statuses = []
        for _ in range(2):
            answer = exchange(client, overheard)
            assert isinstance(answer, Answer)
            statuses.append(answer.status)
    assert statuses == [200, 401]


def test_a_proof_for_one_server_is_worth_nothing_at_another(deployment: Deployment) -> None:
    meant = listing(deployment)
    elsewhere = Exchange(f"{deployment.url}/mcp/documents", meant.headers, meant.body, 30, 1_000_000)
    with httpx.Client(trust_env=False) as client:
        answer = exchange(client, elsewhere)
    assert isinstance(answer, Answer)
    assert answer.status == 401


def test_agents_have_no_way_to_each_other_but_their_grants(deployment: Deployment) -> None:
    claim = "C-1001"
    with (
        deployment.agent("intake", task=deployment.task(claim)) as intake,
        deployment.agent("analysis") as analysis,
        deployment.agent("communication") as communication,
    ):
        # No grant leads from `communication` to anybody.
        with pytest.raises(Refused) as told:
            communication.send("analysis", "assess_claim", {"claim_id": claim})
        assert told.value.code == Code.OUT_OF_MANDATE
        # An agent is no server: there is no address at which it could be reached past the grants.
        with pytest.raises(MasoError):
            communication.call("analysis", "assess_claim", {"claim_id": claim})
        # Nor can it take part in what others asked of each other.
        extract(intake, claim)
        sent = intake.send("analysis", "assess_claim", {"claim_id": claim})
        with pytest.raises(UnknownRequest):
            communication.result_of(sent)
        assert list(communication.requests(idle_s=0)) == []
        with pytest.raises((UnknownRequest, Refused)):
            communication.complete(Received(sent, "intake", "assess_claim", {}), {"covered": True})
        [request] = analysis.requests(idle_s=0)
        assert request.id == sent
        with pytest.raises(TimedOut):
            intake.result_of(sent, result_s=0)
