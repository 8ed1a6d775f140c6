"""What an agent says of its words beside their content: on what they rest, how sure it is, what it does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from .errors import ProtocolFault

Kind = Literal["delegation", "instruction", "data", "claim"]
"""What a message is: the first two ask for something, the others answer, or tell unasked."""
Classification = Literal["public", "internal", "confidential", "restricted"]
Reach = Literal["local", "task", "global"]
Force = Literal["must", "never", "exactly"]
Source = Literal["tool", "rag", "agent-generated", "user-input"]
Method = Literal["tool-output", "rag-retrieval"]
Validation = Literal["pending", "confirmed", "corrected"]


@dataclass(frozen=True)
class Contract:
    """Under what a message is sent: the request of a grant, or what the workflow lets one agent tell another."""

    name: str
    version: int
    """The version of the workflow's mandate."""


@dataclass(frozen=True)
class Assumption:
    """What its sender takes for granted. One that holds for its agent alone (`local`) is refused: keep it."""

    text: str = field(repr=False)
    scope: Reach = "task"


@dataclass(frozen=True)
class Constraint:
    """What binds whoever works on. Hand on every one that you were told, to the letter."""

    name: str
    force: Force
    text: str = field(repr=False)


@dataclass(frozen=True)
class Provenance:
    """Where data comes from."""

    source: Source
    source_id: str = field(repr=False)
    """The call, the document or the person, as its sender names it."""
    verified_by: Method | None = None
    """How it was verified; `None` for what nobody verified, which is no fact."""


@dataclass(frozen=True)
class Extracted:
    """A value of the content that was read out of a document."""

    pointer: str
    """JSON pointer into the content."""
    document: str
    """`sha256:` and the hash of the document."""
    model: str
    model_version: str
    confidence: float
    at: datetime
    validation: Validation = "pending"


@dataclass(frozen=True)
class Statement:
    """What is said beside the content. Everything in it is checked by maso, and nothing of it widens anything."""

    classification: Classification = "internal"
    inputs: Sequence[str] = ()
    """Ids of messages and hops on which it rests."""
    assumptions: Sequence[Assumption] = ()
    unknowns: Sequence[str] = field(default=(), repr=False)
    constraints: Sequence[Constraint] = ()
    provenance: Provenance | None = None
    """Of data and claims, which have to have one."""
    confidence: float | None = None
    """How sure its sender is, from 0 to 1: of claims, and of data that says it."""
    extraction: Sequence[Extracted] = ()

    def beside(self, kind: Kind) -> dict[str, Any]:
        """As it is said beside a content of this kind, whichever door it goes by."""
        asks = kind in ("delegation", "instruction")
        if asks and (self.provenance or self.confidence is not None or self.extraction):
            raise ValueError("what asks for something has no provenance, no confidence and no extraction")
        if not asks and self.provenance is None:
            raise ValueError("data and claims say where they come from: give a `provenance`")
        if kind == "claim" and self.confidence is None:
            raise ValueError("a claim says how sure its sender is: give a `confidence`")
        return {"message_type": kind, **self.members()}

    def members(self) -> dict[str, Any]:
        """As a message has it."""
        said: dict[str, Any] = {
            "classification": self.classification,
            "inputs": list(self.inputs),
            "assumptions": [{"text": one.text, "scope": one.scope} for one in self.assumptions],
            "unknowns": list(self.unknowns),
            "constraints": [{"name": one.name, "force": one.force, "text": one.text} for one in self.constraints],
        }
        if self.provenance is not None:
            verified_by = self.provenance.verified_by
            said["provenance"] = {
                "source": self.provenance.source,
                "source_id": self.provenance.source_id,
                "verified": verified_by is not None,
                "verification_method": verified_by or "none",
            }
        if self.confidence is not None:
            said["confidence"] = _share(self.confidence)
        if self.extraction:
            said["extraction"] = [_extracted(one) for one in self.extraction]
        return said


@dataclass(frozen=True)
class Said:
    """What another agent said beside its content. Its word, and no more than that."""

    message: str
    """The message's id: what a message that rests on this one names among its `inputs`."""
    kind: str
    contract: Contract | None
    """What it was made for, of a signed message: over MCP the request says so."""
    goal_hash: str | None
    """The hash of the specification of the task that it serves, of a signed message."""
    statement: Statement

    @classmethod
    def parse(cls, told: Any) -> Said | None:
        """Reads what came beside a content; `None` where nothing did."""
        if told is None:
            return None
        try:
            provenance, contract = told.get("provenance"), told.get("contract")
            return cls(
                _text(told["message_id"]),
                _text(told["message_type"]),
                None if contract is None else Contract(_text(contract["name"]), contract["version"]),
                _text(told["goal_hash"]) if "goal_hash" in told else None,
                Statement(
                    told.get("classification", "restricted"),
                    tuple(map(_text, told.get("inputs", ()))),
                    tuple(Assumption(_text(one["text"]), one["scope"]) for one in told.get("assumptions", ())),
                    tuple(map(_text, told.get("unknowns", ()))),
                    tuple(
                        Constraint(_text(one["name"]), one["force"], _text(one["text"]))
                        for one in told.get("constraints", ())
                    ),
                    None if provenance is None else _provenance(provenance),
                    told.get("confidence"),
                    tuple(map(_read, told.get("extraction", ()))),
                ),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ProtocolFault("what was said beside a content cannot be read") from None


@dataclass(frozen=True)
class Inputs:
    """On what an agent may rest a statement in a task: ids, each with where it comes from, the newest first."""

    sources: Mapping[str, str]
    """What servers returned: by the tool or resource that was asked."""
    messages: Mapping[str, str]
    """What was said to it, and by it: by the agent that said it."""

    @classmethod
    def parse(cls, told: Any) -> Inputs:
        """Reads them as `inputs` tells them."""
        try:
            return cls(
                {_text(one["id"]): _text(one["of"]) for one in told["sources"]},
                {_text(one["id"]): _text(one["from"]) for one in told["messages"]},
            )
        except (KeyError, TypeError, ValueError):
            raise ProtocolFault("on what an agent may rest something cannot be read") from None


def moment(at: datetime) -> str:
    """A moment as messages have it: UTC, to the millisecond. One without a time zone is refused: nobody knows it."""
    if at.tzinfo is None:
        raise ValueError("expected a moment with a time zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extracted(one: Extracted) -> dict[str, Any]:
    return {
        "pointer": one.pointer,
        "document": one.document,
        "model": one.model,
        "model_version": one.model_version,
        "confidence": _share(one.confidence),
        "timestamp": moment(one.at),
        "validation": one.validation,
    }


def _share(value: float) -> float:
    # Written so that NaN fails.
    if not 0 <= value <= 1:
        raise ValueError("a confidence is from 0 to 1")
    # Cut and not rounded: nobody becomes surer by being written down.
    return int(value * 1_000_000 + 1e-9) / 1_000_000


def _read(told: Mapping[str, Any]) -> Extracted:
    return Extracted(
        _text(told["pointer"]),
        _text(told["document"]),
        _text(told["model"]),
        _text(told["model_version"]),
        told["confidence"],
        datetime.fromisoformat(_text(told["timestamp"])),
        told["validation"],
    )


def _provenance(told: Mapping[str, Any]) -> Provenance:
    verified_by = told["verification_method"] if told["verified"] is True else None
    return Provenance(told["source"], _text(told["source_id"]), verified_by)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
