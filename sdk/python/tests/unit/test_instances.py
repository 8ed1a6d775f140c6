"""Starting instances of other agents, and leaving."""

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from typing import Any

import pytest
from scripted import KEY, Script, frame_of, held, refused, structured

from maso import Code, Instance, MasoError, Refused, Token, Unanswered, Unreachable
from maso.steps import Answer, Lost

TOLD: dict[str, Any] = {
    "spiffe_id": "spiffe://claims.example/agent/reader/inst_1",
    "join_token": "maso-join.c0ffee",
    "join_by": 1_700_000_300_000,
    "until": 1_700_000_900_500,
}


def test_what_is_started_is_what_its_process_needs() -> None:
    script = Script(structured(**TOLD))
    instance = script.run(script.conversation.spawn("reader", KEY.thumbprint, reason="many notes"))
    assert instance == Instance(
        TOLD["spiffe_id"],
        Token("maso-join.c0ffee"),
        datetime.fromtimestamp(1_700_000_300, UTC),
        datetime.fromtimestamp(1_700_000_900.5, UTC),
    )
    assert "c0ffee" not in repr(instance)
    (sent,) = script.sent
    asked = {"agent": "reader", "thumbprint": KEY.thumbprint, "reason": "many notes"}
    assert sent.url == "https://maso.example/mcp/maso"
    assert frame_of(sent)["params"] | {"_meta": None} == {"name": "spawn_agent", "arguments": asked, "_meta": None}


def test_what_waits_for_a_person_is_asked_again_unchanged() -> None:
    script = Script(held(), structured(**TOLD))
    script.run(script.conversation.spawn("reader", KEY.thumbprint))
    first, second = (frame_of(sent)["params"]["arguments"] for sent in script.sent)
    assert first == second == {"agent": "reader", "thumbprint": KEY.thumbprint}


def test_one_more_than_there_may_be_is_refused() -> None:
    script = Script(refused(refused="LIMIT_REACHED", hop="hop_1"))
    with pytest.raises(Refused) as told:
        script.run(script.conversation.spawn("reader", KEY.thumbprint))
    assert (told.value.code, told.value.hop) == (Code.LIMIT_REACHED, "hop_1")


def test_what_may_have_been_started_is_not_started_again() -> None:
    script = Script(Lost(True, "it broke"))
    with pytest.raises(Unanswered):
        script.run(script.conversation.spawn("reader", KEY.thumbprint))
    assert len(script.sent) == 1


@pytest.mark.parametrize("thumbprint", ["", "reader.pem", KEY.thumbprint + "=", KEY.thumbprint[1:], "ä" * 43])
def test_what_names_no_key_is_not_asked(thumbprint: str) -> None:
    script = Script()
    with pytest.raises(ValueError, match="thumbprint"):
        script.run(script.conversation.spawn("reader", thumbprint))
    assert script.sent == []


def test_leaving_shows_the_token_and_its_key() -> None:
    script = Script(Answer(204, "", b""))
    script.run(script.conversation.leave())
    (sent,) = script.sent
    assert (sent.url, sent.body) == ("https://maso.example/v1/identity/leave", b"")
    assert sent.headers["Authorization"] == "DPoP aaa.bbb.ccc"
    claims = sent.headers["DPoP"].split(".")[1]
    assert json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["htu"] == sent.url


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Answer(401, "application/json", b"{}"), Refused),
        (Answer(201, "application/json", b"{}"), Unreachable),
        (Answer(503, "", b""), Unreachable),
        (Lost(True, "it broke"), Unanswered),
        (Lost(False, "nobody is there"), Unreachable),
    ],
)
def test_whoever_is_told_nothing_else_has_not_left(reply: Answer | Lost, kind: type[MasoError]) -> None:
    script = Script(reply)
    with pytest.raises(kind):
        script.run(script.conversation.leave())
    assert len(script.sent) == 1
