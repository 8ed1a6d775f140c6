"""By what an agent shows who it is: a key, and a token that is bound to it.

How it comes to its first token is not decided here: whoever gets one in another way hands a `TokenSource` over.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .errors import CredentialFault
from .keys import AgentKey
from .secret import TOKEN_CHARS_MAX, Token

TokenSource = Callable[[], Token]
"""Gives the token that is in force now. Asked before each request, so that one that was renewed is found."""


@dataclass(frozen=True)
class Credentials:
    """A key and where its token comes from."""

    key: AgentKey
    token: TokenSource = field(repr=False)

    @classmethod
    def of(cls, key: str | os.PathLike[str], token: str | os.PathLike[str]) -> Credentials:
        """The key and the token in these files, as `maso agents token --new-key KEY … > TOKEN` writes them."""
        return cls(AgentKey.load(key), token_in(token))

    @classmethod
    def from_environment(cls) -> Credentials:
        """The key in the file `MASO_AGENT_KEY`; the token in `MASO_AGENT_TOKEN_FILE`, or as `MASO_AGENT_TOKEN`."""
        key = AgentKey.load(_variable("MASO_AGENT_KEY"))
        if os.environ.get("MASO_AGENT_TOKEN_FILE"):
            return cls(key, token_in(_variable("MASO_AGENT_TOKEN_FILE")))
        return cls(key, lambda: Token(_variable("MASO_AGENT_TOKEN")))


def token_in(path: str | os.PathLike[str]) -> TokenSource:
    """The token in a file, read anew each time: whatever renews it writes the file."""

    def read() -> Token:
        try:
            with Path(path).open(encoding="ascii", errors="replace") as file:
                return Token(file.read(TOKEN_CHARS_MAX + 2))
        except OSError as fault:
            raise CredentialFault(f"cannot read the token `{path}`: {fault.strerror}") from None

    return read


def _variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise CredentialFault(f"the environment variable `{name}` is not set")
    return value
