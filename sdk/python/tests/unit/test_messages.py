"""Signed messages without a network: what is signed, what comes back, what comes on the stream."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from scripted import KEY, Script

from maso import (
    Answered,
    Asked,
    Assumption,
    Code,
    Constraint,
    Contract,
    CredentialFault,
    Extracted,
    Held,
    Patience,
    ProtocolFault,
    Provenance,
    Refused,
    Statement,
    Token,
    Told,
    Unanswered,
    UnknownRequest,
    Unreachable,
)
from maso.encoding import base64url
from maso.frames import Events
from maso.messages import Draft, Listening, Post, answering, identity_in
from maso.statements import Said, moment
from maso.steps import Answer, Exchange, Lost

ME = "spiffe://claims.example/agent/intake"
GOAL = "sha256:" + "0" * 64
TASK = Token("biscuit:abc")
READ = Provenance("tool", "claims-db:read_claim", "tool-output")


def token(subject: Any = ME) -> Token:
    return Token(f"aaa.{base64url(json.dumps({'sub': subject}).encode())}.ccc")


def script(*replies: Any, **how: Any) -> Script:
    made = Script(*replies, tokens=how.pop("tokens", [token()]), **how)
    made.conversation = made.conversation.within(TASK)
    return made


def answer(status: int, **told: Any) -> Answer:
    return Answer(status, "application/json", json.dumps(told).encode())


SENT = answer(201, id="hop_1", there=True)
HELD = answer(202, held=True, ticket="ticket_1", expires_at="2026-11-28T02:00:00Z", retry_after_ms=1_000)


def draft(**more: Any) -> Draft:
    given: dict[str, Any] = {"kind": "delegation", "content": {"claim_id": "C-1001"}, **more}
    return Draft(to="analysis", contract=Contract("assess_claim", 3), goal_hash=GOAL, **given)


def said_in(sent: Exchange) -> dict[str, Any]:
    """The message in an envelope, if it was signed over exactly its bytes."""
    envelope = json.loads(sent.body)
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    [one] = envelope["signatures"]
    KEY._key.public_key().verify(base64.b64decode(one["sig"]), signed)
    message: dict[str, Any] = json.loads(payload)
    return message


def test_a_message_is_signed_by_whose_token_it_is_and_says_all_that_it_has_to() -> None:
    it = script(SENT)
    statement = Statement(
        classification="confidential",
        inputs=["hop_9"],
        assumptions=[Assumption("the letter is complete")],
        unknowns=["when it began"],
        constraints=[Constraint("currency", "exactly", "EUR")],
    )
    sent = it.run(Post(it.conversation).say(draft(statement=statement)))
    assert (sent.id, sent.there) == ("hop_1", True)
    [posted] = it.sent
    assert (posted.method, posted.url) == ("POST", "https://maso.example/v1/messages")
    message = said_in(posted)
    at = datetime.fromisoformat(message["timestamp"])
    assert datetime.fromisoformat(message["valid_until"]) - at == timedelta(minutes=5)
    assert message["message_id"] != "msg_" + message["nonce"]
    del message["message_id"], message["nonce"], message["timestamp"], message["valid_until"]
    assert message == {
        "sender_id": ME,
        "recipient_id": "spiffe://claims.example/agent/analysis",
        "message_type": "delegation",
        "content": {"claim_id": "C-1001"},
        "contract": {"name": "assess_claim", "version": 3},
        "goal_hash": GOAL,
        "task_token": TASK.expose(),
        "classification": "confidential",
        "inputs": ["hop_9"],
        "assumptions": [{"text": "the letter is complete", "scope": "task"}],
        "unknowns": ["when it began"],
        "constraints": [{"name": "currency", "force": "exactly", "text": "EUR"}],
    }


def test_no_byte_of_a_message_can_be_another() -> None:
    it = script(SENT)
    it.run(Post(it.conversation).say(draft()))
    envelope = json.loads(it.sent[0].body)
    envelope["payload"] = base64.b64encode(base64.b64decode(envelope["payload"]).replace(b"C-1001", b"C-1002")).decode()
    with pytest.raises(InvalidSignature):
        said_in(Exchange("", {}, json.dumps(envelope).encode(), 1, 1))


def test_data_says_where_it_comes_from_and_a_claim_how_sure_it_is() -> None:
    at = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
    field = Extracted("/amount", "sha256:" + "1" * 64, "reader", "2", 0.87654321, at)
    statement = Statement(provenance=READ, confidence=0.9, extraction=[field])
    members = statement.members()
    assert members["provenance"] == {
        "source": "tool",
        "source_id": "claims-db:read_claim",
        "verified": True,
        "verification_method": "tool-output",
    }
    # Six decimals, cut: nobody becomes surer by being written down.
    assert members["extraction"][0]["confidence"] == 0.876543
    assert members["extraction"][0]["timestamp"] == "2026-11-28T09:30:00.000Z"
    contract = {"name": "assess_claim", "version": 3}
    told = {"message_id": "msg_1", "message_type": "claim", "contract": contract, "goal_hash": GOAL, **members}
    said = Said.parse(json.loads(json.dumps(told)))
    assert said is not None
    assert said.statement.members() == members
    unverified = Statement(provenance=Provenance("agent-generated", "a guess")).members()["provenance"]
    assert (unverified["verified"], unverified["verification_method"]) == (False, "none")


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "data"},
        {"kind": "claim", "statement": Statement(provenance=READ)},
        {"statement": Statement(provenance=READ)},
        {"statement": Statement(confidence=0.5)},
        {"valid_s": 601},
        {"valid_s": float("nan")},
    ],
)
def test_what_maso_would_call_malformed_is_not_signed(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"give a|has no|ten minutes"):
        draft(**more)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_a_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Statement(confidence=confidence).members()


def test_a_moment_without_a_time_zone_is_none() -> None:
    with pytest.raises(ValueError, match="time zone"):
        moment(datetime(2026, 1, 1))


def test_what_asks_for_something_needs_a_task_and_content_that_json_can_hold() -> None:
    it = script()
    with pytest.raises(ValueError, match="belongs to a task"):
        it.run(Post(it.conversation.within(None)).say(draft()))
    with pytest.raises(ValueError, match="JSON") as told:
        it.run(Post(it.conversation).say(draft(content={"secret": float("inf")})))
    assert told.value.__cause__ is None
    with pytest.raises(ValueError, match="256 KiB"):
        it.run(Post(it.conversation).say(draft(content={"text": "x" * (256 << 10)})))
    assert it.sent == []


@pytest.mark.parametrize("text", ["aaa.bbb.ccc", "biscuit:abc"])
def test_a_token_that_names_nobody_signs_nothing(text: str) -> None:
    with pytest.raises(CredentialFault, match="names no agent"):
        identity_in(Token(text))
    with pytest.raises(CredentialFault, match="names no agent"):
        identity_in(token(7))


def test_an_instance_speaks_in_the_name_of_its_agent() -> None:
    assert identity_in(token(f"{ME}/inst_0192f0c1d2e37a4b8c5d6e7f80910a2b")) == ME


def test_what_is_held_is_said_again_as_a_message_of_its_own() -> None:
    it = script(HELD, HELD, SENT)
    assert it.run(Post(it.conversation).say(draft(), people_s=10)).id == "hop_1"
    messages = [said_in(sent) for sent in it.sent]
    assert len({message["message_id"] for message in messages}) == 3
    assert len({message["nonce"] for message in messages}) == 3
    assert len({json.dumps(message["content"]) for message in messages}) == 1
    assert it.paused == [1.0, 1.0]
    it = script(HELD)
    with pytest.raises(Held) as held:
        it.run(Post(it.conversation).say(draft(), people_s=0))
    assert held.value.ticket == "ticket_1"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(403, refused="DENIED", hop="hop_2"), Refused),
        (answer(429, refused="LIMIT_REACHED", hop="hop_2"), Refused),
        (answer(404, unknown="message"), UnknownRequest),
        (answer(201), ProtocolFault),
        (Answer(201, "text/plain", b"yes"), Unanswered),
        (Answer(413, "", b""), ProtocolFault),
        (Answer(201, "application/json", b'{"id":"a","id":"b","there":true}'), ProtocolFault),
        # It may have been said: it is not said a second time.
        (Lost(True, "ReadError"), Unanswered),
    ],
)
def test_each_answer_has_its_error(reply: Answer | Lost, error: type[Exception]) -> None:
    it = script(reply)
    with pytest.raises(error):
        it.run(Post(it.conversation).say(draft()))
    assert len(it.sent) == 1


def test_what_was_surely_not_taken_is_sent_again() -> None:
    it = script(Lost(False, "ConnectError"), SENT)
    assert it.run(Post(it.conversation).say(draft())).id == "hop_1"


def test_a_token_that_was_renewed_meanwhile_is_tried_once() -> None:
    it = script(answer(401, refused="UNAUTHENTIC"), SENT, tokens=[token(), token(ME + "2"), token(ME + "2")])
    assert it.run(Post(it.conversation).say(draft())).id == "hop_1"
    it = script(answer(401, refused="UNAUTHENTIC"))
    with pytest.raises(Refused) as told:
        it.run(Post(it.conversation).say(draft()))
    assert told.value.code == Code.UNAUTHENTIC


def test_an_answer_goes_to_whoever_asked_for_the_same_goal_in_the_same_task() -> None:
    asked = Asked("hop_7", "intake", "assess_claim", {}, Token("biscuit:other"), GOAL)
    it = script(answer(201, done=True))
    reply = answering(asked, "data", {"covered": True}, Statement(provenance=READ), 3, None)
    it.run(Post(it.conversation).reply(asked.id, reply, asked.task))
    [sent] = it.sent
    message = said_in(sent)
    assert sent.url == "https://maso.example/v1/messages/hop_7/reply"
    assert (message["goal_hash"], message["task_token"]) == (GOAL, "biscuit:other")
    assert message["recipient_id"].endswith("/agent/intake")
    with pytest.raises(ValueError, match="was no message"):
        answering(Asked("hop_7", "intake", "x", {}), "data", {}, Statement(provenance=READ), 1, None)
    with pytest.raises(ValueError, match="was no message"):
        answering(asked, "data", {}, Statement(provenance=READ), None, None)


def test_an_acknowledgement_is_as_good_twice_as_once() -> None:
    it = script(Lost(True, "ReadError"), answer(404, unknown="message"))
    it.run(Post(it.conversation).acknowledge("hop_7"))
    assert [sent.url for sent in it.sent] == ["https://maso.example/v1/messages/hop_7/ack"] * 2
    with pytest.raises(ValueError, match="the id of a request"):
        it.run(Post(it.conversation).acknowledge("../../v1/join"))


EVENTS = (
    b": hello\n\nevent: request\nid: hop_1\ndata: "
    b'{"id":"hop_1","from":"intake","request":"assess_claim","content":{"n":1},"task_token":"biscuit:t"}\n\n'
    b"event: weather\ndata: {}\n\n"
    b'event: answer\r\ndata: {"id":"hop_2","done":true,"result":{"ok":true}}\r\n\r\n'
    b'event: told\ndata: {"id":"hop_3","from":"intake","contract":"news","content":{},\ndata: "message":null}\n\n'
    b'event: told\ndata: {"id":"hop_4'
)


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_a_stream_says_the_same_however_it_is_cut(size: int) -> None:
    it = script()
    listening = Listening(Post(it.conversation))
    it.run(listening.order())
    heard = [event for at in range(0, len(EVENTS), size) for event in listening.heard(EVENTS[at : at + size])]
    assert heard == [
        Asked("hop_1", "intake", "assess_claim", {"n": 1}, Token("biscuit:t")),
        Answered("hop_2", {"ok": True}),
        Told("hop_3", "intake", "news", {}),
    ]


@pytest.mark.parametrize(
    "cut",
    [lambda events: events.feed(b"data: " + b"x" * 200), lambda events: [events.feed(b"x\n" * 60) for _ in range(3)]],
)
def test_an_event_is_as_long_as_it_may_be(cut: Callable[[Events], Any]) -> None:
    with pytest.raises(ProtocolFault, match="too long"):
        cut(Events(100))


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"{",
        b'{"id":"a","id":"b"}',
        b'{"id":7,"from":"intake","contract":"news"}',
        b'{"id":"a","from":"intake","contract":"news","message":{}}',
    ],
)
def test_what_is_no_event_is_a_fault_of_the_protocol(data: bytes) -> None:
    it = script()
    listening = Listening(Post(it.conversation))
    with pytest.raises(ProtocolFault):
        listening.heard(b"event: told\ndata: " + data + b"\n\n")


def test_a_stream_is_opened_again_with_a_proof_of_its_own_and_given_up_when_nothing_comes() -> None:
    it = script(patience=Patience(attempts_max=3))
    listening = Listening(Post(it.conversation))
    orders = []
    for _ in range(2):
        orders.append(it.run(listening.order()))
        it.run(listening.broke("ReadError"))
    assert [order.method for order in orders] == ["GET", "GET"]
    assert orders[0].headers["DPoP"] != orders[1].headers["DPoP"]
    assert it.paused == [0.2, 0.4]
    # Whatever came on it, the count begins anew.
    it.run(listening.order())
    listening.heard(b":\n\n")
    it.run(listening.broke("ReadError"))
    it.run(listening.broke("ReadError"))
    with pytest.raises(Unreachable):
        it.run(listening.broke("ReadError"))


@pytest.mark.parametrize(
    ("turned", "error"),
    [
        (answer(401, refused="UNAUTHENTIC"), Refused),
        (answer(403, refused="SUSPENDED"), Refused),
        (Answer(406, "", b""), ProtocolFault),
    ],
)
def test_a_stream_that_is_refused_is_not_asked_for_again(turned: Answer, error: type[Exception]) -> None:
    it = script()
    listening = Listening(Post(it.conversation))
    it.run(listening.order())
    with pytest.raises(error):
        it.run(listening.turned_away(turned))


def test_idle_is_what_heard_no_event_for_so_long() -> None:
    it = script()
    listening = Listening(Post(it.conversation), idle_s=10)
    it.run(listening.order())
    it.time_s += 9
    listening.heard(b":\n\n")
    assert not listening.is_idle
    it.time_s += 1
    assert listening.is_idle
    listening.heard(b'event: answer\ndata: {"id":"a"}\n\n')
    assert not listening.is_idle
