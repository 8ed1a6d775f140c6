"""Where maso is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Address:
    """The base of maso's addresses: `https://HOST`, or `http://` on this machine alone."""

    base: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Reads it. A token does not travel in the clear, so `http` is for loopback only."""
        url = urlsplit(text)
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
            raise ValueError("expected the address of maso, such as `https://maso.example`")
        if url.username is not None or url.password is not None:
            raise ValueError("an address of maso holds no name and no password")
        if url.scheme == "http" and not _is_loopback(url.hostname):
            raise ValueError("`http` is for this machine only: a token would travel in the clear")
        return cls(f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}")

    def of(self, server: str) -> str:
        """Where maso stands in for this server."""
        if not _NAME.fullmatch(server):
            raise ValueError("a server is named by letters, digits, `-`, `_` and `.`")
        return f"{self.base}/mcp/{server}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
