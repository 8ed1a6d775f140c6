"""What can come of a call but its result. No error holds a token, a key, an argument or a header."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .answers import Result


class Code(StrEnum):
    """The codes by which maso refuses (docs/mcp.md). A code that is not here is a refusal all the same."""

    MALFORMED = "MALFORMED"
    UNAUTHENTIC = "UNAUTHENTIC"
    OUT_OF_MANDATE = "OUT_OF_MANDATE"
    DENIED = "DENIED"
    NOT_APPROVED = "NOT_APPROVED"
    SUSPENDED = "SUSPENDED"
    LIMIT_REACHED = "LIMIT_REACHED"
    DUPLICATE = "DUPLICATE"
    DRY_RUN_FAILED = "DRY_RUN_FAILED"
    OUT_OF_PLAN = "OUT_OF_PLAN"
    OUT_OF_SEQUENCE = "OUT_OF_SEQUENCE"
    INCOMPLETE = "INCOMPLETE"
    UNCLEAR = "UNCLEAR"
    TAKEN_BACK = "TAKEN_BACK"
    UNAVAILABLE = "UNAVAILABLE"


class MasoError(Exception):
    """All that this package raises about a call."""


class Refused(MasoError):
    """maso said no.

    A call is refused before it goes out, and then nothing happened. Its answer may be refused too: then the call *has*
    happened, and what came back is withheld. The code does not tell these apart; look before you repeat a change.
    """

    def __init__(self, code: str, hop: str | None = None) -> None:
        super().__init__(f"maso refused this: {code}" + (f" ({hop})" if hop else ""))
        self.code = code
        """One of `Code`, or a newer one."""
        self.hop = hop
        """The record's id of the hop; an operator is told everything about it (`maso log show --id …`)."""


class Held(MasoError):
    """A person has to approve it, and nobody did in the time that the call may wait.

    The identical call, later, meets the same ticket, or the result.
    """

    def __init__(self, ticket: str, expires_at: str, retry_after_s: float) -> None:
        super().__init__(f"maso holds this until a person has approved it ({ticket}, until {expires_at})")
        self.ticket = ticket
        self.expires_at = expires_at
        """When no answer becomes a no, as the gateway writes it."""
        self.retry_after_s = retry_after_s
        """How long to wait before the call is worth repeating, in seconds."""


class UnknownTool(MasoError):
    """There is no such tool for this agent: it does not exist, is not approved, or is not in its mandate."""

    def __init__(self, server: str, tool: str) -> None:
        super().__init__(f"there is no tool `{tool}` of `{server}` for this agent")
        self.server = server
        self.tool = tool


class UnknownRequest(MasoError):
    """There is no such request or question: never made, not this agent's, answered already, or lost in a restart."""

    def __init__(self) -> None:
        super().__init__("there is no such request or question")


class ToolFailed(MasoError):
    """The tool was called, and said by itself that it failed."""

    def __init__(self, result: Result) -> None:
        super().__init__("the tool says that it failed")
        self.result = result
        """What it said. Content, so it is not in the error's text."""


class Unreachable(MasoError):
    """Nothing was sent, or nothing that was sent was taken: nothing happened."""


class Unanswered(MasoError):
    """It was sent and no answer came: nobody here knows whether it happened. Look before you repeat it."""


class TimedOut(MasoError):
    """What was waited for did not come in time. It may still come."""

    def __init__(self, request: str) -> None:
        super().__init__(f"no result of {request} yet")
        self.request = request
        """The id of the request; `result_of` waits for it again."""


class ProtocolFault(MasoError):
    """What was answered is not what the protocol has there."""


class CredentialFault(MasoError):
    """There is no usable key or token. Says where it was looked for, and nothing of what was found."""
