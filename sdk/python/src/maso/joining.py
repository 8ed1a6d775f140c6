"""Becoming an agent by a token that works once, staying it, and leaving (docs/identity.md). No I/O here either."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from .address import Address
from .encoding import compact_json
from .errors import Code, CredentialFault, ProtocolFault, Refused, Unanswered, Unreachable
from .keys import AgentKey
from .patience import Patience
from .proof import proof
from .secret import Token
from .steps import Answer, Exchange, Lost, Steps, World


@dataclass
class Membership:
    """A token that is renewed in time, for as long as the agent may have one. It is a `TokenSource`."""

    _token: Token = field(repr=False)
    _renew_at_s: float
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __call__(self) -> Token:
        """The token that is in force now."""
        with self._lock:
            return self._token

    def begin_renewal(self, now_s: float) -> bool:
        """Whether it is time, and nobody is at it: half of its life is over."""
        with self._lock:
            if now_s < self._renew_at_s:
                return False
            # Whatever comes of it, the next attempt is not at once.
            self._renew_at_s = now_s + RETRY_S
            return True

    def take(self, other: Membership) -> None:
        """Takes over a newer one."""
        with self._lock:
            self._token, self._renew_at_s = other._token, other._renew_at_s


def join(address: Address, key: AgentKey, token: Token, world: World, patience: Patience) -> Steps[Membership]:
    """Becomes the agent for which the join token was issued, with this key from now on. The token is used up by it."""
    body = compact_json({"token": token.expose(), "key": key.jwk})
    url = f"{address.base}/v1/join"
    headers = {"Content-Type": "application/json", "DPoP": _proof(key, token, url, world)}
    answer = yield from _ask(Exchange(url, headers, body, patience.exchange_s, patience.body_bytes_max), CREATED)
    return _issued(answer, world)


def renew(address: Address, key: AgentKey, held: Membership, world: World, patience: Patience) -> Steps[None]:
    """Gets a fresh token in place of the one that is held. If it comes to nothing, the old one stays."""
    token, url = held(), f"{address.base}/v1/identity/renew"
    try:
        answer = yield from _ask(_shown(key, token, url, world, patience), CREATED)
        held.take(_issued(answer, world))
    except (Refused, Unreachable, Unanswered, ProtocolFault):
        # The request for which it was needed says what is wrong, if the old one counts no more.
        return


def leave(address: Address, key: AgentKey, token: Token, world: World, patience: Patience) -> Steps[None]:
    """Ends the instance whose token this is, and all that it started."""
    url = f"{address.base}/v1/identity/leave"
    yield from _ask(_shown(key, token, url, world, patience), NO_CONTENT)


def _shown(key: AgentKey, token: Token, url: str, world: World, patience: Patience) -> Exchange:
    headers = {"Authorization": f"DPoP {token.expose()}", "DPoP": _proof(key, token, url, world)}
    return Exchange(url, headers, b"", patience.exchange_s, patience.body_bytes_max)


def _proof(key: AgentKey, token: Token, url: str, world: World) -> str:
    return proof(key, token, "POST", url, now_s=world.now_s(), identifier=world.identifier())


def _ask(exchange: Exchange, done: int) -> Steps[Answer]:
    outcome = yield exchange
    if isinstance(outcome, Lost):
        raise (Unanswered if outcome.sent else Unreachable)(f"no answer came ({outcome.why})")
    assert isinstance(outcome, Answer)
    if outcome.status == done:
        return outcome
    if outcome.status in REFUSED:
        raise Refused(Code.UNAUTHENTIC)
    raise Unreachable(f"not taken (HTTP {outcome.status})")


def _issued(answer: Answer, world: World) -> Membership:
    try:
        told: Any = json.loads(answer.body)
        token, until_ms = Token(told["token"]), told["expires_at"]
        if not isinstance(until_ms, int):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError, CredentialFault):
        raise ProtocolFault("what was issued is no token") from None
    now_s = world.now_s()
    return Membership(token, now_s + max(0.0, until_ms / 1000 - now_s) / 2)


CREATED = 201
NO_CONTENT = 204
REFUSED = (400, 401, 403)
RETRY_S = 5.0
