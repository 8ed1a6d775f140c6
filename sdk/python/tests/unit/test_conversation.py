"""What the core sends, and what it makes of each answer."""

import json
from dataclasses import replace
from typing import Any

import pytest
from scripted import TOKEN, Reply, Script, answers, fails, frame_of, held, refused, structured

from maso import (
    Code,
    Held,
    Inputs,
    Patience,
    ProtocolFault,
    Provenance,
    Refused,
    Said,
    Statement,
    TimedOut,
    Token,
    ToolFailed,
    Unanswered,
    UnknownRequest,
    UnknownTool,
    Unreachable,
)
from maso.answers import RpcError
from maso.requests import Received
from maso.steps import Answer, Lost


def call(script: Script, **how: Any) -> Any:
    return script.run(script.conversation.call("db", "read", {"id": "1"}, **how))


def test_a_request_shows_who_sends_it_and_says_in_its_headers_what_its_body_says() -> None:
    script = Script(structured(state="open"))
    script.conversation = script.conversation.within(Token("t.a.s"))
    assert call(script).data == {"state": "open"}
    [sent] = script.sent
    assert sent.url == "https://maso.example/mcp/db"
    assert sent.headers["Authorization"] == f"DPoP {TOKEN.expose()}"
    assert sent.headers["DPoP"].count(".") == 2
    assert sent.headers["Maso-Task"] == "t.a.s"
    frame = frame_of(sent)
    assert (sent.headers["Mcp-Method"], sent.headers["Mcp-Name"]) == (frame["method"], frame["params"]["name"])
    meta = frame["params"]["_meta"]
    assert sent.headers["MCP-Protocol-Version"] == meta["io.modelcontextprotocol/protocolVersion"]
    assert TOKEN.expose() not in repr(sent)


@pytest.mark.parametrize("code", [*Code, "A_NEWER_ONE"])
def test_a_refusal_is_raised_with_its_code_and_its_hop(code: str) -> None:
    with pytest.raises(Refused) as told:
        call(Script(refused(refused=code, hop="hop_1")))
    assert (told.value.code, told.value.hop) == (code, "hop_1")
    with pytest.raises(Refused) as told:
        call(Script(fails(403, code, {"refused": code, "hop": "hop_2"}, status=403)))
    assert (told.value.code, told.value.hop) == (code, "hop_2")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (fails(-32602, "Unknown tool: read"), UnknownTool),
        (fails(-32000, "UNAUTHENTIC"), Refused),
        (fails(-32603, "a server's own words"), RpcError),
        (refused(unknown="request"), UnknownRequest),
        (answers({"isError": True, "content": []}), ToolFailed),
        (answers({"isError": True, "content": [], "structuredContent": {"maso": "no"}}), ToolFailed),
        (answers({"isError": "no", "content": []}), ToolFailed),
        (answers({"content": "no list"}), ProtocolFault),
        (answers({"resultType": "input_required", "inputRequests": {"a": {}}}), ProtocolFault),
        (refused(held=True), ProtocolFault),
        (lambda _: Answer(200, "application/json", b"{"), ProtocolFault),
        (lambda _: Answer(200, "application/json", b'{"id":1,"result":{},"result":{"content":[]}}'), ProtocolFault),
        (lambda _: Answer(403, "", b""), ProtocolFault),
        (lambda _: Answer(307, "", b""), ProtocolFault),
        (lambda _: Answer(413, "", b""), ProtocolFault),
    ],
)
def test_each_answer_has_its_error(reply: Reply, error: type[Exception]) -> None:
    script = Script(reply)
    with pytest.raises(error) as told:
        call(script)
    assert "own words" not in str(told.value)
    assert len(script.sent) == 1


def test_a_held_call_is_repeated_unchanged_until_it_is_decided() -> None:
    script = Script(held(), held(retry_ms=3_600_000), refused(refused="NOT_APPROVED", hop="hop_1"))
    with pytest.raises(Refused) as told:
        call(script)
    assert told.value.code == Code.NOT_APPROVED
    # As suggested, but never longer than the agent's patience has it.
    assert script.paused == [5.0, 30.0]
    first, second, third = (frame_of(sent)["params"] for sent in script.sent)
    assert first == second == third
    assert len({sent.headers["DPoP"] for sent in script.sent}) == 3


def test_nobody_is_waited_for_longer_than_was_said() -> None:
    script = Script(held())
    with pytest.raises(Held) as told:
        call(script, people_s=0)
    assert (told.value.ticket, told.value.retry_after_s) == ("ticket_1", 5.0)
    assert script.paused == []
    script = Script(*[held()] * 4)
    with pytest.raises(Held):
        call(script, people_s=15)
    assert script.paused == [5.0, 5.0, 5.0]


def test_a_hold_of_the_revisions_with_sessions_is_understood_as_well() -> None:
    about = {"held": True, "ticket": "ticket_2", "expires_at": "soon", "retry_after_ms": -1}
    with pytest.raises(Held) as told:
        call(Script(refused(**about)), people_s=0)
    # What is no time to wait is the longest.
    assert told.value.retry_after_s == 3600


SENT, UNSENT = Lost(True, "ReadTimeout"), Lost(False, "ConnectError")
BAD_GATEWAY, BUSY, BROKEN_OFF = Answer(502, "text/html", b""), Answer(429, "", b""), Answer(200, "", b"")


@pytest.mark.parametrize("lost", [SENT, BAD_GATEWAY, BROKEN_OFF])
def test_a_call_that_may_have_happened_is_not_repeated(lost: Answer | Lost) -> None:
    script = Script(lost)
    with pytest.raises(Unanswered):
        call(script)
    assert len(script.sent) == 1


@pytest.mark.parametrize("lost", [UNSENT, BUSY])
def test_a_call_that_was_not_taken_is_sent_again_and_not_for_ever(lost: Answer | Lost) -> None:
    script = Script(lost, structured(ok=True))
    assert call(script).data == {"ok": True}
    script = Script(*[lost] * 4)
    with pytest.raises(Unreachable):
        call(script)
    assert (len(script.sent), script.paused) == (4, [0.2, 0.4, 0.8])


def test_what_is_carried_out_once_may_be_sent_again() -> None:
    script = Script(SENT, refused(refused="DUPLICATE", hop="hop_1"))
    with pytest.raises(Refused) as told:
        call(script, once=True)
    assert told.value.code == Code.DUPLICATE
    assert len(script.sent) == 2


@pytest.mark.parametrize(("hint", "n_sent"), [(True, 2), (False, 1), ("yes", 1), (None, 1)])
def test_a_tool_that_only_reads_may_be_asked_again(hint: Any, n_sent: int) -> None:
    tool = {"name": "read", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": hint}}
    script = Script(answers({"tools": [tool]}), SENT, structured(ok=True))
    script.run(script.conversation.tools("db"))
    script.sent.clear()
    if n_sent == 1:
        with pytest.raises(Unanswered):
            call(script)
    else:
        assert call(script).data == {"ok": True}
    assert len(script.sent) == n_sent


def test_a_token_that_was_renewed_meanwhile_is_shown_once_more() -> None:
    unauthentic = Answer(401, "application/json", b"{}")
    script = Script(unauthentic, structured(ok=True), tokens=[Token("o.l.d"), Token("n.e.w")])
    assert call(script).data == {"ok": True}
    assert [sent.headers["Authorization"] for sent in script.sent] == ["DPoP o.l.d", "DPoP n.e.w"]
    script = Script(unauthentic)
    with pytest.raises(Refused) as told:
        call(script)
    assert told.value.code == Code.UNAUTHENTIC
    endless = [Token(f"{n}.b.c") for n in range(10)]
    with pytest.raises(Refused):
        call(Script(unauthentic, unauthentic, tokens=endless))


def test_a_tool_that_wants_arguments_in_headers_gets_them_after_a_look_at_its_definition() -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string", "x-mcp-header": "Id"}}}
    listing = answers({"tools": [{"name": "read", "inputSchema": schema}]})
    script = Script(fails(-32020, "Header mismatch"), listing, structured(ok=True))
    assert call(script).data == {"ok": True}
    assert "Mcp-Param-Id" not in script.sent[0].headers
    assert script.sent[2].headers["Mcp-Param-Id"] == "1"
    with pytest.raises(RpcError):
        call(Script(fails(-32020, "no"), listing, fails(-32020, "no")))


def test_a_result_is_waited_for_in_slices_and_not_for_ever() -> None:
    class Slow(Script):
        def _carry_out(self, need: Any) -> Any:
            outcome = super()._carry_out(need)
            self.time_s += frame_of(self.sent[-1])["params"]["arguments"].get("wait_ms", 0) / 1000
            return outcome

    not_yet = structured(done=False)
    script = Slow(structured(id="hop_7"), not_yet, structured(done=True, result={"covered": True}))
    delegate = script.conversation.delegate("analysis", "assess_claim", {"claim_id": "C-1001"})
    assert script.run(delegate) == {"covered": True}
    script = Slow(*[not_yet] * 4)
    with pytest.raises(TimedOut) as told:
        script.run(script.conversation.result("hop_7", result_s=60))
    assert told.value.request == "hop_7"
    waits = [frame_of(sent)["params"]["arguments"]["wait_ms"] for sent in script.sent]
    assert waits == [25_000, 25_000, 10_000]


def test_the_result_of_what_was_taken_back_is_waited_for_no_longer() -> None:
    script = Script(structured(done=False), structured(done=False, taken_back=True))
    with pytest.raises(Refused) as told:
        script.run(script.conversation.result("hop_7"))
    assert (told.value.code, told.value.hop) == (Code.TAKEN_BACK, "hop_7")


def test_a_request_is_answered_in_its_own_task_and_with_its_goal() -> None:
    told = {
        "id": "hop_1",
        "from": "intake",
        "request": "assess",
        "content": {},
        "task_token": "t.a.s",
        "goal_hash": "h",
    }
    script = Script(structured(requests=[told]), structured(done=True))
    request = script.run(script.conversation.next_request())
    assert request == Received("hop_1", "intake", "assess", {}, Token("t.a.s"), "h")
    assert "t.a.s" not in repr(request)
    script.run(script.conversation.complete(request, {"ok": 1}))
    assert script.sent[1].headers["Maso-Task"] == "t.a.s"
    assert frame_of(script.sent[1])["params"]["arguments"] == {"id": "hop_1", "result": {"ok": 1}, "goal_hash": "h"}
    # Its own task is not put upon a request that came without one.
    other = Script(structured(done=True))
    other.conversation = other.conversation.within(Token("o.w.n"))
    other.run(other.conversation.complete(Received("hop_2", "intake", "assess", {}), {}))
    assert "Maso-Task" not in other.sent[0].headers


@pytest.mark.parametrize(
    "requests",
    [
        None,
        {},
        [{}],
        [1],
        [{"id": 1, "from": "a", "request": "b"}],
        [{"id": "1", "from": "a", "request": "b", "task_token": 7}],
    ],
)
def test_a_mailbox_that_holds_something_else_is_no_mailbox(requests: Any) -> None:
    script = Script(structured(requests=requests))
    with pytest.raises(ProtocolFault):
        script.run(script.conversation.next_request())


def test_an_answer_in_a_stream_of_events_is_found_behind_what_else_is_told() -> None:
    told = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}
    last = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "found"}]}}
    body = f"event: message\r\ndata: {json.dumps(told)}\r\n\r\n:\n\ndata: {json.dumps(last)}\n\n".encode()
    assert call(Script(Answer(200, "text/event-stream", body))).text == "found"
    with pytest.raises(Unanswered):
        call(Script(Answer(200, "text/event-stream", body[:-2])))


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts_max": 0},
        {"attempts_max": 11},
        {"pause_s_min": 0},
        {"pause_s_max": 3601},
        {"exchange_s": float("nan")},
        {"people_s": float("inf")},
        {"result_s": -1},
        {"body_bytes_max": 0},
    ],
)
def test_patience_has_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Patience(**wrong)


SAID = Statement(
    "public",
    unknowns=("when it began",),
    provenance=Provenance("tool", "claims-db:read_claim", "tool-output"),
    confidence=0.75,
    inputs=("hop_3",),
)


def test_what_is_said_beside_goes_along_and_comes_back() -> None:
    script = Script(structured(id="hop_1", there=True), structured(done=True))
    assert script.run(script.conversation.send("analysis", "assess", {}, statement=Statement("public"))) == "hop_1"
    asked = frame_of(script.sent[0])["params"]["arguments"]["message"]
    assert asked == {
        "message_type": "delegation",
        "classification": "public",
        "inputs": [],
        "assumptions": [],
        "unknowns": [],
        "constraints": [],
    }
    script.run(script.conversation.complete(Received("hop_1", "intake", "assess", {}), {}, SAID, kind="claim"))
    answered = frame_of(script.sent[1])["params"]["arguments"]["message"]
    assert (answered["message_type"], answered["confidence"], answered["inputs"]) == ("claim", 0.75, ["hop_3"])

    beside = {"message_id": "msg_1", **answered}
    other = Script(structured(done=True, result={"ok": 1}, message=beside))
    got = other.run(other.conversation.answered("hop_1"))
    assert (got.result, got.said) == ({"ok": 1}, Said("msg_1", "claim", None, None, SAID))


@pytest.mark.parametrize(("kind", "statement"), [("data", Statement()), ("claim", replace(SAID, confidence=None))])
def test_what_maso_would_not_read_is_not_sent(kind: Any, statement: Statement) -> None:
    script = Script()
    with pytest.raises(ValueError, match="give a"):
        script.run(script.conversation.complete(Received("hop_1", "intake", "assess", {}), {}, statement, kind=kind))
    with pytest.raises(ValueError, match="has no provenance"):
        script.run(script.conversation.send("analysis", "assess", {}, statement=SAID))
    assert script.sent == []


def test_on_what_a_statement_may_rest_is_read() -> None:
    told = {"sources": [{"id": "hop_3", "of": "claims-db:read_claim"}], "messages": [{"id": "msg_1", "from": "intake"}]}
    script = Script(structured(**told), structured(sources=[{}], messages=[]))
    assert script.run(script.conversation.inputs()) == Inputs({"hop_3": "claims-db:read_claim"}, {"msg_1": "intake"})
    with pytest.raises(ProtocolFault):
        script.run(script.conversation.inputs())


def test_what_is_assumed_is_noted_and_comes_with_for_whom_it_holds() -> None:
    own = {"id": "hop_1", "text": "it is complete", "scope": "task", "answered": True}
    script = Script(structured(id="hop_1", scope="local"), structured(assumptions=[own]), structured(assumptions={}))
    assert script.run(script.conversation.assume("it is complete", inputs=["hop_3"])) == "hop_1"
    noted = frame_of(script.sent[0])["params"]
    assert (noted["name"], noted["arguments"]) == ("assume", {"text": "it is complete", "inputs": ["hop_3"]})
    assert script.run(script.conversation.assumptions()) == [own]
    with pytest.raises(ProtocolFault):
        script.run(script.conversation.assumptions())


def test_what_no_inputs_are_named_for_names_none() -> None:
    script = Script(structured(id="hop_1", scope="local"))
    script.run(script.conversation.assume("it is complete"))
    assert frame_of(script.sent[0])["params"]["arguments"] == {"text": "it is complete"}
