"""Texts that nobody may read by accident."""

from __future__ import annotations

import re

from .errors import CredentialFault


class Token:
    """A signed token: opaque here, and never shown by `repr`, `str`, a format or a pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Reads a token. Raises `CredentialFault`, which does not repeat the text, where it has not the form of one."""
        text = text.strip()
        if len(text) > TOKEN_CHARS_MAX or not any(form.fullmatch(text) for form in _FORMS):
            raise CredentialFault("expected a token: three parts of base64url with dots between, or `biscuit:` and one")
        self._text = text

    def expose(self) -> str:
        """The text itself, for the one header that it belongs in."""
        return self._text

    def __repr__(self) -> str:
        return "Token(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a token is not pickled: what is pickled lies about in files")


# An agent's token has some 500 characters; a task's grows with each request by which it came, to 32 KiB at most.
TOKEN_CHARS_MAX = 33 << 10
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_BISCUIT = re.compile(r"biscuit:[A-Za-z0-9_-]+")
_JOIN = re.compile(r"maso-join\.[A-Za-z0-9_.-]+")
# An agent's, a task's, and one that makes an agent of whoever shows it first.
_FORMS = (_COMPACT, _BISCUIT, _JOIN)
