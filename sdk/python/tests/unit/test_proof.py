"""Keys, tokens and proofs."""

import base64
import hashlib
import json
import os
import pickle
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from scripted import KEY, TOKEN

from maso import AgentKey, CredentialFault, Credentials, Token, token_in
from maso.proof import proof


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    # The key and its thumbprint of RFC 8037, appendix A.1 and A.3.
    seed = decoded("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    key = AgentKey(ed25519.Ed25519PrivateKey.from_private_bytes(seed))
    assert key.jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_signature_is_that_of_the_rfc() -> None:
    # RFC 8037, appendix A.4.
    seed = decoded("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    key = AgentKey(ed25519.Ed25519PrivateKey.from_private_bytes(seed))
    signed = key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")
    expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    assert signed == decoded(expected)


def test_a_proof_says_what_it_is_for_and_is_signed_by_the_key_that_it_shows() -> None:
    made = proof(KEY, TOKEN, "POST", "https://maso.example/mcp/x?a=1#b", now_s=1_700_000_000.9, identifier="once")
    header, claims, signature = made.split(".")
    assert json.loads(decoded(header)) == {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": KEY.jwk}
    assert json.loads(decoded(claims)) == {
        "jti": "once",
        "htm": "POST",
        "htu": "https://maso.example/mcp/x",
        "iat": 1_700_000_000,
        # SHA-256 of the token, as in RFC 9449, section 4.2.
        "ath": base64.urlsafe_b64encode(hashlib.sha256(b"aaa.bbb.ccc").digest()).rstrip(b"=").decode(),
    }
    public = ed25519.Ed25519PublicKey.from_public_bytes(decoded(KEY.jwk["x"]))
    public.verify(decoded(signature), f"{header}.{claims}".encode())


def test_the_digest_of_a_token_is_that_of_the_rfc() -> None:
    # RFC 9449, section 7.1. It is not of the form of maso's tokens, so it comes in by the back door.
    token = object.__new__(Token)
    token._text = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    made = proof(KEY, token, "GET", "https://resource.example.org/protectedresource", now_s=0, identifier="once")
    assert json.loads(decoded(made.split(".")[1]))["ath"] == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent.pem"
    made = AgentKey.load_or_make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert AgentKey.load_or_make(path).thumbprint == made.thumbprint
    with pytest.raises(CredentialFault, match="cannot make"):
        AgentKey.make(path)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "agent.pem"
    AgentKey.make(path)
    path.chmod(0o640)
    with pytest.raises(CredentialFault, match="others may read"):
        AgentKey.load(path)


def test_a_key_with_its_public_half_is_read_and_one_with_another_half_is_not(tmp_path: Path) -> None:
    # What `maso agents token --new-key` writes.
    seed, public = bytes(range(32)), decoded(KEY.jwk["x"])
    for half, is_key in ((public, True), (bytes(32), False)):
        der = bytes.fromhex("3051020101300506032b657004220420") + seed + bytes.fromhex("812100") + half
        path = tmp_path / f"{is_key}.pem"
        path.write_text(f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END PRIVATE KEY-----\n")
        path.chmod(0o600)
        if is_key:
            assert AgentKey.load(path).thumbprint == KEY.thumbprint
        else:
            with pytest.raises(CredentialFault):
                AgentKey.load(path)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_named_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "agent.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(CredentialFault, match="holds no Ed25519 key") as fault:
        AgentKey.load(path)
    assert fault.value.__cause__ is None


@pytest.mark.parametrize(
    "text", ["", "a.b", "a.b.c.d", "a.b.c d", "a.b.ü", "Bearer a.b.c", "biscuit:a.b", "a" * 90_000 + ".b.c"]
)
def test_what_is_no_token_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(CredentialFault) as fault:
        Token(text)
    assert not text or text not in str(fault.value)


def test_a_task_is_named_by_a_biscuit() -> None:
    assert Token(" biscuit:En0K_-8\n").expose() == "biscuit:En0K_-8"


def test_nothing_shows_a_secret() -> None:
    token = Token("secret.secret.secret")
    credentials = Credentials(KEY, lambda: token)
    shown = f"{token!r} {token} {KEY!r} {credentials!r} {[token]}"
    assert "secret" not in shown
    for kept in (token, KEY):
        with pytest.raises(TypeError):
            pickle.dumps(kept)


def test_a_token_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("a.b.c\n")
    source = token_in(path)
    assert source().expose() == "a.b.c"
    path.write_text("d.e.f\n")
    assert source().expose() == "d.e.f"
    path.unlink()
    with pytest.raises(CredentialFault, match="cannot read the token"):
        source()


def test_the_environment_says_who_the_agent_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MASO_AGENT_KEY", "MASO_AGENT_TOKEN", "MASO_AGENT_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CredentialFault, match="`MASO_AGENT_KEY` is not set"):
        Credentials.from_environment()
    AgentKey.make(tmp_path / "key")
    monkeypatch.setenv("MASO_AGENT_KEY", os.fspath(tmp_path / "key"))
    monkeypatch.setenv("MASO_AGENT_TOKEN", "a.b.c")
    assert Credentials.from_environment().token() == Token("a.b.c")
    (tmp_path / "token").write_text("d.e.f")
    monkeypatch.setenv("MASO_AGENT_TOKEN_FILE", os.fspath(tmp_path / "token"))
    assert Credentials.from_environment().token() == Token("d.e.f")
