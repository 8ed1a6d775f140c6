"""Two agents of the claims deployment that speak by signed messages: one asks, the other answers and says how it knows.

`intake` gives the token of a task and the hash of its specification, as `maso tasks open --json` prints them:

    python messages.py analysis
    MASO_TASK=… MASO_GOAL=sha256:… python messages.py intake
"""

import os
import sys

from claims import CLAIM, DEPLOYMENT, URL, credentials

from maso import Agent, Answered, Asked, Contract, Provenance, Received, Statement, grants_in


def intake() -> None:
    """Reads what came in, hands the claim on, and waits for what comes of it."""
    [grant] = grants_in(DEPLOYMENT / "workflows" / "claims.toml", "intake")
    assert grant.version is not None, "a workflow's mandate has a version"
    with Agent(URL, credentials("intake"), task=os.environ["MASO_TASK"]) as agent:
        listed = agent.call("documents", "list_documents", {"claim_id": CLAIM}).data
        names = [document["name"] for document in listed["documents"]]
        agent.call("claims-db", "record_extract", {"claim_id": CLAIM, "documents": names})
        contract = Contract(grant.request, grant.version)
        sent = agent.messages.send(grant.to, contract, {"claim_id": CLAIM}, goal_hash=os.environ["MASO_GOAL"])
        for event in agent.messages:
            agent.messages.ack(event)
            if isinstance(event, Answered) and event.id == sent.id:
                print(event.result, event.said and event.said.statement.provenance)
                return


def analysis() -> None:
    """Answers whatever is asked of it, from the system of record."""
    with Agent(URL, credentials("analysis")) as agent:
        for event in agent.messages:
            if isinstance(event, Asked):
                assessed = assess(agent.within(event), event)
                read = Statement(provenance=Provenance("tool", "claims-db:read_claim", "tool-output"))
                agent.messages.reply(event, assessed, read)
            # Only now: had this program ended before, it would be asked again.
            agent.messages.ack(event)


def assess(agent: Agent, request: Received) -> dict[str, object]:
    """Whether the loss falls into the time of cover."""
    claim = agent.call("claims-db", "read_claim", {"claim_id": request.content["claim_id"]}).data
    policy = agent.call("claims-db", "read_policy", {"policy_id": claim["policy_id"]}).data
    covered = policy["active_from"] <= claim["loss_date"] <= policy["active_until"]
    rationale = "the day of the loss against the time of cover"
    told = {"claim_id": claim["claim_id"], "covered": covered, "rationale": rationale}
    agent.call("claims-db", "record_assessment", told)
    return {"covered": covered}


if __name__ == "__main__":
    {"intake": intake, "analysis": analysis}[sys.argv[1]]()
