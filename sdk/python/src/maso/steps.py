"""What the core asks of the world, and what the world says to it.

The core is made of generators that yield a `Need` and are sent what came of it. They touch no socket, no clock and no
random source; two small drivers do (`agent.py`, `aio.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .requests import Received

T = TypeVar("T")


@dataclass(frozen=True)
class Exchange:
    """Send this, and give its `Answer`, or say that it was `Lost`."""

    url: str
    # Not shown: one of them is the token.
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    within_s: float
    """How long all of it may take, in seconds."""
    body_bytes_max: int
    """A longer answer is lost."""
    method: str = "POST"


@dataclass(frozen=True)
class Pause:
    """Let this many seconds pass."""

    seconds: float


@dataclass(frozen=True)
class Handle:
    """Have the user's program do what was asked of the agent, and give what it `Handled`."""

    request: Received


@dataclass(frozen=True)
class Answer:
    """What came back, whole."""

    status: int
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Lost:
    """No whole answer came back."""

    sent: bool
    """Whether anything of the request may have arrived."""
    why: str
    """The kind of the fault; no address and no content."""


@dataclass(frozen=True)
class Handled:
    """What the user's program made of a request; `None` if it raised an error."""

    result: dict[str, Any] | None = field(repr=False)


Need = Exchange | Pause | Handle
Outcome = Answer | Lost | Handled | None
Steps = Generator[Need, Outcome, T]


@dataclass(frozen=True)
class World:
    """What the core reads and cannot compute."""

    now_s: Callable[[], float]
    """Seconds since 1970, for proofs."""
    passed_s: Callable[[], float]
    """Seconds of a clock that nobody sets, for waiting."""
    identifier: Callable[[], str]
    """A text that was never given before and cannot be guessed."""
    message: Callable[[], str]
    """The same as 32 hexadecimal digits: what a message is known by, and what nobody can say a second time."""
