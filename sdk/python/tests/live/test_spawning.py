"""Instances of agents against a running maso: started, joined, asked for work, ended."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from deployment import Deployment
from test_core import assess, extract

from maso import Agent, AgentKey, AsyncAgent, Code, MasoError, Refused


def started(deployment: Deployment, intake: Agent, path: Path) -> Agent:
    """An instance of `analysis`, as the process sees it that has the key in this file."""
    instance = intake.spawn("analysis", AgentKey.load_or_make(path).thumbprint, reason="many claims")
    return Agent.join(deployment.url, instance.token, path)


def instances(deployment: Deployment) -> list[dict[str, Any]]:
    """What an operator is shown of them, whether they have ended or not."""
    shown = deployment.run("agents", "lineage", "--all", "--json", str(deployment.folder))
    tree: list[dict[str, Any]] = json.loads(shown)["instances"]
    return tree


def test_an_instance_joins_works_and_leaves(deployment: Deployment, tmp_path: Path) -> None:
    claim = "C-1003"
    with deployment.agent("intake", task=deployment.task(claim)) as intake:
        path = tmp_path / "instance.pem"
        instance = intake.spawn("analysis", AgentKey.load_or_make(path).thumbprint, reason="many claims")
        assert "/agent/analysis/inst_" in instance.id
        assert instance.join_by < instance.until
        # Whoever started it has the token, and is worth nothing with a key of its own.
        with pytest.raises(Refused) as told:
            Agent.join(deployment.url, instance.token, tmp_path / "other.pem")
        assert told.value.code == Code.UNAUTHENTIC
        with Agent.join(deployment.url, instance.token, path) as analysis:
            extract(intake, claim)
            sent = intake.send("analysis", "assess_claim", {"claim_id": claim})
            [request] = analysis.requests(idle_s=0)
            assert request.id == sent
            assess(analysis.within(request), claim)
            analysis.complete(request, {"outcome": "assessed"})
            assert intake.result_of(sent) == {"outcome": "assessed"}
            analysis.leave()
            with pytest.raises(Refused):
                analysis.leave()
            with pytest.raises(MasoError):
                analysis.call("claims-db", "read_claim", {"claim_id": claim})
    [shown] = [one for one in instances(deployment) if one["instance"] == instance.id.rsplit("/", 1)[-1]]
    assert (shown["by"], shown["ended"]["why"]) == ("intake", "left")


def test_the_same_with_an_event_loop(deployment: Deployment, tmp_path: Path) -> None:
    async def begin_and_end() -> str:
        path = tmp_path / "instance.pem"
        async with AsyncAgent(deployment.url, deployment.shown("intake")) as intake:
            instance = await intake.spawn("analysis", AgentKey.load_or_make(path).thumbprint)
        async with await AsyncAgent.join(deployment.url, instance.token, path) as analysis:
            assert await analysis.tools("claims-db")
            await analysis.leave()
        return instance.id.rsplit("/", 1)[-1]

    ended = asyncio.run(begin_and_end())
    assert ended in [one["instance"] for one in instances(deployment) if one["ended"]]


def test_nobody_is_started_that_no_mandate_names_nor_more_than_it_says(deployment: Deployment, tmp_path: Path) -> None:
    with deployment.agent("intake") as intake, deployment.agent("analysis") as analysis:
        thumbprint = AgentKey.load_or_make(tmp_path / "key.pem").thumbprint
        for who, agent in ((intake, "communication"), (intake, "nobody"), (analysis, "analysis")):
            with pytest.raises(Refused) as told:
                who.spawn(agent, thumbprint)
            assert told.value.code == Code.OUT_OF_MANDATE
        children = [started(deployment, intake, tmp_path / f"{n}.pem") for n in range(2)]
        with pytest.raises(Refused) as told:
            intake.spawn("analysis", thumbprint)
        assert told.value.code == Code.LIMIT_REACHED
        for child in children:
            with child:
                child.leave()
        # Whoever is no instance has nothing to leave.
        with pytest.raises(Refused) as told:
            analysis.leave()
        assert told.value.code == Code.UNAUTHENTIC


def test_the_record_holds_together(deployment: Deployment) -> None:
    assert deployment.verified()
