"""How bytes and values are written."""

from __future__ import annotations

import base64
import json
from typing import Any


def base64url(data: bytes) -> str:
    """Base64 for addresses and names of files, without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact_json(value: Any) -> bytes:
    """JSON without spaces. Raises `ValueError` for what JSON has no word for, such as infinity."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def header_value(text: str) -> str:
    """A text in the form in which a header of MCP can hold it."""
    plain = text.isascii() and text.isprintable() and text.strip() == text
    if plain and not (text.startswith(_BEGIN) and text.endswith(_END)):
        return text
    return _BEGIN + base64.b64encode(text.encode()).decode() + _END


_BEGIN = "=?base64?"
_END = "?="
