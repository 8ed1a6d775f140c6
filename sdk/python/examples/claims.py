"""What the examples share: the claims deployment (examples/claims), and models that follow a script.

Put a model of your own in place of `Script`, and what is left of an example is how a framework is put behind maso.
"""

import json
import os
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maso import Credentials, Grant, Received, grants_in

URL = os.environ.get("MASO_URL", "http://127.0.0.1:7680")
# A folder with NAME.pem and NAME.token of each agent, as `maso agents token` makes them.
CREDENTIALS = Path(os.environ.get("MASO_CREDENTIALS", "."))
DEPLOYMENT = Path(os.environ.get("MASO_DEPLOYMENT", "claims"))
CLAIM = os.environ.get("CLAIM", "C-1001")
INSTRUCTION = f"Take in the claim {CLAIM} and have it settled."
# The servers of which each agent has tools.
SERVERS = {"intake": ["documents", "claims-db"], "analysis": ["claims-db"], "communication": ["claims-db", "mail"]}


def credentials(agent: str) -> Credentials:
    """An agent's key and token."""
    return Credentials.of(CREDENTIALS / f"{agent}.pem", CREDENTIALS / f"{agent}.token")


def grants(agent: str) -> list[Grant]:
    """What the deployment lets an agent ask of others."""
    return grants_in(DEPLOYMENT / "workflows" / "claims.toml", agent)


@dataclass(frozen=True)
class Call:
    """What a model answers that wants a tool called."""

    tool: str
    arguments: dict[str, Any]


Steps = Generator[Call, str, str]


class Script:
    """A model in miniature: it is told what the last tool said, and says what to do next."""

    def __init__(self, agent: str, instruction: str) -> None:
        self._steps = SCRIPTS[agent](re.findall(r"C-[0-9]{4}", instruction)[0], instruction)
        self._begun = False

    def say(self, heard: str) -> Call | str:
        """The next call, or the last words."""
        try:
            if self._begun:
                return self._steps.send(heard)
            self._begun = True
            return next(self._steps)
        except StopIteration as end:
            return str(end.value)


def intake(claim: str, _instruction: str) -> Steps:
    """Reads what came in, and hands the claim on."""
    listed = yield Call("documents__list_documents", {"claim_id": claim})
    names = [document["name"] for document in json.loads(listed)["documents"]]
    for name in names:
        yield Call("documents__read_document", {"claim_id": claim, "name": name})
    yield Call("claims-db__record_extract", {"claim_id": claim, "documents": names})
    return (yield Call("ask__analysis__assess_claim", {"claim_id": claim}))


def analysis(claim: str, _instruction: str) -> Steps:
    """Finds out whether the claim is covered, and has it paid if it is."""
    read = json.loads((yield Call("claims-db__read_claim", {"claim_id": claim})))
    policy = json.loads((yield Call("claims-db__read_policy", {"policy_id": read["policy_id"]})))
    covered = policy["active_from"] <= read["loss_date"] <= policy["active_until"]
    assessment = {"claim_id": claim, "covered": covered, "rationale": "the day of the loss against the time of cover"}
    yield Call("claims-db__record_assessment", assessment)
    outcome = "declined"
    if covered:
        amount, account = read["payable_minor"], policy["payee_iban"]
        key = f"{claim}-{account[-8:]}-{amount}"
        payment = {"claim_id": claim, "amount_minor": amount, "payee_iban": account, "idempotency_key": key}
        # What needs a person waits here until somebody answered.
        paid = yield Call("claims-db__pay_claim", payment)
        outcome = "stopped" if "refused" in paid else "paid"
        if outcome == "stopped":
            yield Call("claims-db__stop_claim", {"claim_id": claim, "reason": "not_approved"})
    yield Call("ask__communication__notify_outcome", {"claim_id": claim, "outcome": outcome})
    return f"{claim} is {outcome}"


def communication(claim: str, instruction: str) -> Steps:
    """Tells the policyholder what became of the claim."""
    read = json.loads((yield Call("claims-db__read_claim", {"claim_id": claim})))
    policy = json.loads((yield Call("claims-db__read_policy", {"policy_id": read["policy_id"]})))
    outcome = re.findall(r'"outcome": "([a-z]+)"', instruction)[0]
    body = f"To {policy['holder']}\n\nYour claim {claim} is {outcome}.\n\nYour claims department"
    mail = {"claim_id": claim, "to": policy["email"], "subject": f"Your claim {claim}", "body": body}
    return (yield Call("mail__send_mail", mail))


def answer(request: Received, text: str) -> dict[str, Any]:
    """What an agent answers: `analysis` pays, so it takes no words, and is told whether the mail went out."""
    return {"told": "mail_id" in text} if request.kind == "notify_outcome" else {"text": text}


SCRIPTS: dict[str, Callable[[str, str], Steps]] = {
    "intake": intake,
    "analysis": analysis,
    "communication": communication,
}
