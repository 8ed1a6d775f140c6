"""Checkpoints: what an agent notes, and what it is told."""

from typing import Any

import pytest
from scripted import Script, frame_of, structured

from maso import Checkpoint, Context, Decision, Pending, ProtocolFault

CONTEXT = {"tokens": 1000, "used": 870, "percent": 87, "level": "warning", "rotate": True}
NOTED = {
    "goal": "Settle it",
    "active_constraints": ["pay in EUR"],
    "decisions": [{"decision": "it is covered", "because": "of the dates"}, {"decision": "by this policy"}],
    "pending_actions": [{"action": "pay", "tool": "claims-db:pay_claim"}],
}
NOTE = Checkpoint(
    "Settle it",
    ("pay in EUR",),
    (Decision("it is covered", "of the dates"), Decision("by this policy")),
    (Pending("pay", "claims-db:pay_claim"),),
)


def test_a_checkpoint_says_what_it_has_to_and_reads_back() -> None:
    script = Script(structured(context={**CONTEXT, "used": 10, "percent": 1, "level": None, "rotate": False}))
    context = script.run(script.conversation.checkpoint(NOTE))
    assert (context.used, context.level, context.rotate) == (10, None, False)
    params = frame_of(script.sent[0])["params"]
    assert (params["name"], params["arguments"]) == ("checkpoint", NOTED)
    assert Checkpoint.parse(NOTED) == NOTE


def test_what_to_go_on_from_is_told() -> None:
    told = {"goal": "Settle it", "specification": "sha256:1", "success_criteria": ["paid"], "context": CONTEXT}
    script = Script(structured(**told, checkpoint=NOTED), structured(**told, checkpoint=None))
    resumed = script.run(script.conversation.resume())
    assert (resumed.goal, resumed.specification, resumed.success_criteria) == ("Settle it", "sha256:1", ("paid",))
    assert (resumed.checkpoint, resumed.context) == (NOTE, Context(1000, 870, 87, "warning", True))
    assert script.run(script.conversation.resume()).checkpoint is None


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"goal": "x", "specification": "y", "context": None},
        {"goal": "x", "specification": "y", "context": {**CONTEXT, "used": "many"}},
        {"goal": 7, "specification": "y", "context": CONTEXT},
        {"goal": "x", "specification": "y", "context": CONTEXT, "checkpoint": {"goal": "x"}},
        {"goal": "x", "specification": "y", "context": CONTEXT, "checkpoint": "none"},
    ],
)
def test_what_cannot_be_read_is_a_fault_of_the_protocol(told: dict[str, Any]) -> None:
    script = Script(structured(**told))
    with pytest.raises(ProtocolFault):
        script.run(script.conversation.resume())
