"""The key of an agent. A token that is bound to it is worth nothing without it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .encoding import base64url
from .errors import CredentialFault


class AgentKey:
    """An Ed25519 key. Nothing shows its private half."""

    __slots__ = ("_key", "jwk")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.jwk: dict[str, str] = {"crv": "Ed25519", "kty": "OKP", "x": base64url(_public_half(key))}
        """The public half (RFC 8037), with its members in the order that the thumbprint needs."""

    @classmethod
    def make(cls, path: str | os.PathLike[str]) -> AgentKey:
        """Makes a key in this new file, for its owner's eyes alone. Never writes over one that is there."""
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            # Private from its first moment on: a mode that is set afterwards comes too late.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as fault:
            raise CredentialFault(f"cannot make the key `{path}`: {fault.strerror}") from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        return cls(key)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> AgentKey:
        """Reads a key in PEM (PKCS #8). Refuses one that others than its owner may read."""
        try:
            with Path(path).open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                pem = file.read(PEM_BYTES_MAX + 1)
        except OSError as fault:
            raise CredentialFault(f"cannot read the key `{path}`: {fault.strerror}") from None
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise CredentialFault(f"others may read the key `{path}`: `chmod 600` it, or make another")
        key = _key_in(pem)
        if key is None:
            raise CredentialFault(f"`{path}` holds no Ed25519 key in PEM")
        return cls(key)

    @classmethod
    def load_or_make(cls, path: str | os.PathLike[str]) -> AgentKey:
        """The key in this file, made on the first run."""
        try:
            return cls.make(path)
        except CredentialFault:
            return cls.load(path)

    @property
    def thumbprint(self) -> str:
        """Its name (RFC 7638), for `maso agents token --thumbprint`."""
        canonical = json.dumps(self.jwk, separators=(",", ":"), sort_keys=True)
        return base64url(hashlib.sha256(canonical.encode()).digest())

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature over exactly these bytes."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"AgentKey(thumbprint={self.thumbprint!r})"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled: what is pickled lies about in files")


def _key_in(pem: bytes) -> Ed25519PrivateKey | None:
    if len(pem) > PEM_BYTES_MAX:
        return None
    # What the library says of a key that it cannot read is not passed on: it may quote it.
    with contextlib.suppress(Exception):
        key = serialization.load_pem_private_key(pem, password=None)
        return key if isinstance(key, Ed25519PrivateKey) else None
    with contextlib.suppress(Exception):
        return _key_with_public_half(pem)
    return None


def _key_with_public_half(pem: bytes) -> Ed25519PrivateKey | None:
    """A key in RFC 5958, version 2: with its public half beside it, which the library cannot read."""
    lines = pem.decode("ascii").split()
    if lines[:3] != ["-----BEGIN", "PRIVATE", "KEY-----"] or lines[-3:] != ["-----END", "PRIVATE", "KEY-----"]:
        return None
    der = base64.b64decode("".join(lines[3:-3]), validate=True)
    begin, middle = len(_V2_BEGIN), len(_V2_BEGIN) + 32
    end = middle + len(_V2_MIDDLE)
    if len(der) != end + 32 or der[:begin] != _V2_BEGIN or der[middle:end] != _V2_MIDDLE:
        return None
    key = Ed25519PrivateKey.from_private_bytes(der[begin:middle])
    return key if _public_half(key) == der[end:] else None


def _public_half(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


PEM_BYTES_MAX = 8192
# Version 2, Ed25519, and 32 bytes of the private half follow; then the public half, 32 bytes as well.
_V2_BEGIN = bytes.fromhex("3051020101300506032b657004220420")
_V2_MIDDLE = bytes.fromhex("812100")
