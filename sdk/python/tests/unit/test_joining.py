"""Joining by a token that works once, and staying."""

import json

import pytest
from scripted import KEY, Script, structured

from maso import Code, MasoError, Patience, ProtocolFault, Refused, Token, Unanswered, Unreachable
from maso.address import Address
from maso.conversation import Conversation
from maso.credentials import Credentials
from maso.joining import RETRY_S, Membership, join
from maso.steps import Answer, Exchange, Lost

SHOWN = Token("maso-join.c0ffee")
NOW_S = 1_700_001_000


def issued(token: str, expires_at: object = (NOW_S + 1_000) * 1000, status: int = 201) -> Answer:
    told = {"token": token, "token_id": "t", "expires_at": expires_at}
    return Answer(status, "application/json", json.dumps(told).encode())


def joined(*replies: Answer | Lost) -> tuple[Script, Membership]:
    script = Script(*replies)
    steps = join(Address.parse("https://maso.example"), KEY, SHOWN, script.conversation.world, Patience())
    return script, script.run(steps)


def test_a_token_that_works_once_becomes_one_that_is_bound_to_the_key() -> None:
    script, held = joined(issued("a.b.c"))
    assert held() == Token("a.b.c")
    (sent,) = script.sent
    assert sent.url == "https://maso.example/v1/join"
    assert json.loads(sent.body) == {"token": SHOWN.expose(), "key": KEY.jwk}
    assert len(sent.headers["DPoP"].split(".")) == 3
    assert "c0ffee" not in repr(sent) + repr(held)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (issued("a.b.c", status=401), Refused),
        (issued("a.b.c", status=503), Unreachable),
        (Lost(True, "it broke"), Unanswered),
        (Lost(False, "nobody is there"), Unreachable),
        (issued("no token"), ProtocolFault),
        (issued("a.b.c", "soon"), ProtocolFault),
        (Answer(201, "application/json", b"["), ProtocolFault),
    ],
)
def test_whoever_is_not_believed_joins_nothing(reply: Answer | Lost, kind: type[MasoError]) -> None:
    with pytest.raises(kind) as fault:
        joined(reply)
    assert "c0ffee" not in str(fault.value)
    if isinstance(fault.value, Refused):
        assert fault.value.code == Code.UNAUTHENTIC


def with_membership(script: Script, held: Membership) -> Conversation:
    conversation = script.conversation
    return Conversation(conversation.address, Credentials(KEY, held), conversation.world, conversation.patience)


def test_what_was_got_is_renewed_when_half_of_its_life_is_over() -> None:
    _, held = joined(issued("o.l.d"))
    script = Script(
        structured(clarifications=[]), issued("n.e.w", (NOW_S + 9_000) * 1000), structured(clarifications=[])
    )
    conversation = with_membership(script, held)
    script.run(conversation.clarifications())
    script.time_s += 501
    script.run(conversation.clarifications())
    shown = [(sent.url.rsplit("/", 1)[-1], sent.headers["Authorization"]) for sent in script.sent]
    assert shown == [("maso", "DPoP o.l.d"), ("renew", "DPoP o.l.d"), ("maso", "DPoP n.e.w")]


def test_a_renewal_that_fails_leaves_what_there_is_and_is_not_tried_at_once_again() -> None:
    _, held = joined(issued("o.l.d"))

    def urls(script: Script) -> list[str]:
        return [sent.url.rsplit("/", 1)[-1] for sent in script.sent]

    said = structured(clarifications=[])
    script = Script(Lost(False, "nobody is there"), said, said, issued("n.e.w"), said)
    script.time_s += 600
    conversation = with_membership(script, held)
    script.run(conversation.clarifications())
    script.run(conversation.clarifications())
    assert urls(script) == ["renew", "maso", "maso"]
    assert held() == Token("o.l.d")
    script.time_s += RETRY_S
    script.run(conversation.clarifications())
    assert urls(script)[3:] == ["renew", "maso"]
    assert held() == Token("n.e.w")


def test_of_many_at_once_one_renews() -> None:
    _, held = joined(issued("o.l.d"))
    assert [held.begin_renewal(NOW_S + 600) for _ in range(3)] == [True, False, False]


def test_an_exchange_shows_neither_token_nor_proof() -> None:
    script, _ = joined(issued("a.b.c"))
    assert isinstance(script.sent[0], Exchange)
    assert script.sent[0].headers["DPoP"] not in repr(script.sent[0])
