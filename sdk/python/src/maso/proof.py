"""Proof of possession over one request (DPoP, RFC 9449)."""

from __future__ import annotations

import hashlib

from .encoding import base64url, compact_json
from .keys import AgentKey
from .secret import Token


def proof(key: AgentKey, token: Token, method: str, url: str, *, now_s: float, identifier: str) -> str:
    """A proof by `key` for this method, this address and this token. It counts once, and for about a minute.

    `identifier` must be one that was never used before.
    """
    header = {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": key.jwk}
    claims = {
        "jti": identifier,
        "htm": method,
        # Query and fragment do not count (RFC 9449 §4.2).
        "htu": url.split("?", 1)[0].split("#", 1)[0],
        "iat": int(now_s),
        "ath": base64url(hashlib.sha256(token.expose().encode()).digest()),
    }
    signed = base64url(compact_json(header)) + "." + base64url(compact_json(claims))
    return signed + "." + base64url(key.sign(signed.encode()))
