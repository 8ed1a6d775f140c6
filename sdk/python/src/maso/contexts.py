"""Going on in an empty context (docs/mcp.md): what an agent notes, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import ProtocolFault


@dataclass(frozen=True)
class Decision:
    """What was decided so far."""

    decision: str = field(repr=False)
    because: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Pending:
    """What is still to be done."""

    action: str = field(repr=False)
    tool: str | None = None


@dataclass(frozen=True)
class Checkpoint:
    """What an agent goes on from when it begins again in an empty context."""

    goal: str = field(repr=False)
    """The task's own words, to the letter, or the hash of its specification."""
    active_constraints: Sequence[str] = field(default=(), repr=False)
    """What binds, to the letter: what an earlier checkpoint of the task has there must be there again."""
    decisions: Sequence[Decision] = ()
    pending_actions: Sequence[Pending] = ()

    def members(self) -> dict[str, Any]:
        """As `checkpoint` takes it."""
        return {
            "goal": self.goal,
            "active_constraints": list(self.active_constraints),
            "decisions": [_given(decision=one.decision, because=one.because) for one in self.decisions],
            "pending_actions": [_given(action=one.action, tool=one.tool) for one in self.pending_actions],
        }

    @classmethod
    def parse(cls, told: Any) -> Checkpoint:
        """Reads one as `resume` tells it."""
        try:
            return cls(
                _text(told["goal"]),
                tuple(map(_text, told["active_constraints"])),
                tuple(Decision(_text(one["decision"]), one.get("because")) for one in told["decisions"]),
                tuple(Pending(_text(one["action"]), one.get("tool")) for one in told["pending_actions"]),
            )
        except (KeyError, TypeError, AttributeError):
            raise ProtocolFault("the checkpoint cannot be read") from None


@dataclass(frozen=True)
class Context:
    """How full an agent's context is in its task, as far as maso sees."""

    tokens: int
    used: int
    percent: int
    level: str | None
    """`info`, `warning` or `critical`; `None` below."""
    rotate: bool
    """Whether it is time for a checkpoint."""

    @classmethod
    def parse(cls, told: Any) -> Context:
        """Reads it."""
        try:
            tokens, used, percent = (_whole(told[name]) for name in ("tokens", "used", "percent"))
            level = told.get("level")
            return cls(tokens, used, percent, None if level is None else _text(level), told.get("rotate") is True)
        except (KeyError, TypeError, AttributeError):
            raise ProtocolFault("the answer does not say how full the context is") from None


@dataclass(frozen=True)
class Resumed:
    """What an agent goes on from."""

    goal: str = field(repr=False)
    """The task's own words."""
    specification: str
    """The hash of the task's specification: what messages name as their `goal_hash`."""
    success_criteria: Sequence[str] = field(repr=False)
    checkpoint: Checkpoint | None
    """What this agent noted last in this task."""
    context: Context

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> Resumed:
        """Reads it."""
        noted = told.get("checkpoint")
        try:
            return cls(
                _text(told["goal"]),
                _text(told["specification"]),
                tuple(map(_text, told.get("success_criteria", ()))),
                None if noted is None else Checkpoint.parse(noted),
                Context.parse(told.get("context")),
            )
        except (KeyError, TypeError):
            raise ProtocolFault("what to go on from cannot be read") from None


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
