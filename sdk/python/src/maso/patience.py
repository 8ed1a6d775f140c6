"""How long is waited, how often is tried: every bound of the package."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Bounds of what an agent waits for. All of them can be set; none can be left out."""

    exchange_s: float = 120.0
    """How long one request and its answer may take. Longer than `approvals.hold_open` of the deployment."""
    people_s: float = 900.0
    """How long a held call is repeated before it raises `Held`. 0 raises at once."""
    result_s: float = 900.0
    """How long the result of a delegated request is waited for before `TimedOut`."""
    attempts_max: int = 4
    """How often a request is sent at most that was not taken, or that may be sent again without a second effect."""
    pause_s_min: float = 0.2
    """The first pause between two attempts; each further one is twice as long."""
    pause_s_max: float = 30.0
    """No pause is longer, whatever the gateway suggests."""
    body_bytes_max: int = 16 * 1024 * 1024
    """A longer answer is not read."""

    def __post_init__(self) -> None:
        if not 1 <= self.attempts_max <= 10:
            raise ValueError("`attempts_max` must be from 1 to 10")
        if not 0 < self.pause_s_min <= self.pause_s_max <= 3600:
            raise ValueError("`pause_s_min` must be more than 0, and `pause_s_max` between it and an hour")
        if not 0 < self.exchange_s <= 3600 or self.body_bytes_max < 1:
            raise ValueError("`exchange_s` must be up to an hour, and `body_bytes_max` at least 1")
        # Written so that NaN fails.
        if not (0 <= self.people_s <= WAIT_S_MAX and 0 <= self.result_s <= WAIT_S_MAX):
            raise ValueError("`people_s` and `result_s` must be from 0 to a week")

    def pause_s(self, suggested_s: float) -> float:
        """A pause as somebody suggests it, within the bounds."""
        return min(max(suggested_s, self.pause_s_min), self.pause_s_max)


WAIT_S_MAX = 7 * 24 * 3600.0
