"""What parses, thrown at with anything: it raises what is declared, or gives what it should."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted import Script, answers

from maso import Instance, MasoError, Token
from maso.address import Address
from maso.answers import called, result_of
from maso.encoding import header_value
from maso.frames import events_in, parameter_headers, response_in
from maso.requests import Received
from maso.steps import Answer
from maso.tools import tools_in
from maso.toolset import NAME_CHARS_MAX, name_of

# Nothing is timed: a busy machine makes no test fail.
settings.register_profile(
    "maso", deadline=None, database=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("maso")

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
# The names of members that are looked for.
WORDS = """
    content structuredContent isError maso refused hop held ticket expires_at retry_after_ms unknown resultType _meta
    maso/held error code message data result tools name inputSchema description annotations id from request task_token
    spiffe_id join_token join_by until maso-join.c0ffee
"""
words = st.sampled_from(WORDS.split())
shaped = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=6),
    max_leaves=20,
)
objects = st.dictionaries(words, shaped, max_size=6)


@given(objects)
def test_any_result_is_a_result_or_an_error_of_ours(result: dict[str, Any]) -> None:
    with suppress(MasoError):
        assert isinstance(called(result).text, str)


@given(objects)
def test_any_response_is_a_result_or_an_error_of_ours(response: dict[str, Any]) -> None:
    try:
        assert result_of(response, "db") is response["result"]
    except MasoError as error:
        assert str(error).isascii()


@given(shaped, objects)
def test_any_listing_and_any_request_is_one_or_an_error_of_ours(told: Any, listing: dict[str, Any]) -> None:
    for parse in (lambda: tools_in("db", listing), lambda: Received.parse(told), lambda: Instance.parse(listing)):
        with suppress(MasoError):
            parse()


@given(st.one_of(shaped, st.floats(), st.integers()), st.one_of(shaped, st.integers()))
def test_any_time_of_an_instance_is_one_or_an_error_of_ours(join_by: Any, until: Any) -> None:
    told = {"spiffe_id": "spiffe://claims.example/agent/reader/inst_1", "join_token": "maso-join.c0ffee"}
    try:
        Instance.parse({**told, "join_by": join_by, "until": until})
    except MasoError as error:
        assert "c0ffee" not in str(error)


@given(st.binary(), st.sampled_from(["application/json", "text/event-stream", "text/event-stream; charset=utf-8", ""]))
def test_any_bytes_are_a_frame_or_an_error_of_ours(body: bytes, kind: str) -> None:
    with suppress(MasoError):
        response_in(Answer(200, kind, body), 1)


@given(st.lists(anything), st.sampled_from(["\n", "\r\n", "\r"]))
def test_events_come_out_as_they_went_in(frames: list[Any], end: str) -> None:
    written = [json.dumps(frame).encode() for frame in frames]
    body = b"".join(b"event: message" + end.encode() + b"data: " + frame + end.encode() * 2 for frame in written)
    assert events_in(body) == written


@given(anything, anything)
def test_any_schema_gives_headers_that_a_request_can_have(schema: Any, arguments: Any) -> None:
    annotated = {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": schema}, "b": schema}}
    for name, value in parameter_headers(annotated, {"a": arguments, "b": arguments}).items():
        assert name.isascii()
        assert value.isascii()
        assert value.isprintable()


@given(st.text())
def test_any_text_fits_a_header(text: str) -> None:
    value = header_value(text.encode("utf-8", "ignore").decode())
    assert value.isascii()
    assert value.isprintable()
    assert value == value.strip()


@given(st.text(), st.text(), st.text(), st.text())
def test_names_are_what_models_take_and_differ_as_what_they_name_does(a: str, b: str, c: str, d: str) -> None:
    one, other = name_of(a, b), name_of(c, d)
    assert len(one) <= NAME_CHARS_MAX
    assert one.isascii()
    assert all(letter.isalnum() or letter in "_-" for letter in one)
    assert (one == other) == ((a, b) == (c, d))


def test_a_plain_name_says_its_server() -> None:
    assert name_of("claims-db", "read_claim") == "claims-db__read_claim"
    # Neither server can take the other's place.
    assert name_of("a__b", "c") != name_of("a", "b__c")


@given(st.text())
def test_any_text_is_a_token_or_is_not_repeated(text: str) -> None:
    try:
        assert Token(text).expose() == text.strip()
    except MasoError as error:
        assert len(text) < 12 or text not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "http://maso.example",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "ftp://127.0.0.1",
        "https://user:password@maso.example",
        "https://maso.example/?a=b",
        "https://",
        "maso.example",
        "",
    ],
)
def test_a_token_goes_to_no_such_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|holds|this machine"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://maso.example/", "https://maso.example/mcp/db"),
        ("https://maso.example/base", "https://maso.example/base/mcp/db"),
        ("http://127.0.0.1:7680", "http://127.0.0.1:7680/mcp/db"),
        ("http://[::1]:7680", "http://[::1]:7680/mcp/db"),
        ("http://localhost", "http://localhost/mcp/db"),
    ],
)
def test_an_address_of_maso(text: str, address: str) -> None:
    assert Address.parse(text).of("db") == address


@pytest.mark.parametrize("server", ["", ".", "..", "a/b", "a?b", "../v1", "a b", "%2e"])
def test_a_server_has_a_name_and_no_path(server: str) -> None:
    with pytest.raises(ValueError, match="named by letters"):
        Address.parse("https://maso.example").of(server)


def test_two_tools_of_one_name_are_not_offered() -> None:
    from maso.toolset import offers

    tool = {"name": "read", "inputSchema": {"type": "object"}}
    script = Script(answers({"tools": [tool, tool]}))
    with pytest.raises(ValueError, match="two tools"):
        script.run(offers(script.conversation, ["db"], []))
