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
        if len(text) > TOKEN_CHARS_MAX or not _COMPACT.fullmatch(text):
            raise CredentialFault("expected a token: three parts in base64url, with dots between them")
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


# Those of maso have some 500 characters; a header line has no room for more than this.
TOKEN_CHARS_MAX = 4096
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
