"""Both drivers, over a transport that does what a network may do."""

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from scripted import KEY

from maso import (
    Agent,
    AsyncAgent,
    Credentials,
    MasoError,
    Patience,
    ProtocolFault,
    Received,
    Token,
    Unanswered,
    Unreachable,
)

SECRET = Token("secretsecret.secretsecret.secretsecret")
CREDENTIALS = Credentials(KEY, lambda: SECRET)
QUICK = Patience(attempts_max=2, pause_s_min=0.001, body_bytes_max=1000)

Network = Callable[[httpx.Request], httpx.Response]


def over(network: Network, kind: str) -> Callable[[], Any]:
    """One call of a tool, made by either kind of agent."""
    if kind == "sync":
        agent = Agent("http://127.0.0.1:1", CREDENTIALS, patience=QUICK, task=SECRET)
        agent._client = httpx.Client(transport=httpx.MockTransport(network), follow_redirects=False)
        return lambda: agent.call("db", "read", {"id": "1"}).data
    other = AsyncAgent("http://127.0.0.1:1", CREDENTIALS, patience=QUICK, task=SECRET)
    other._client = httpx.AsyncClient(transport=httpx.MockTransport(network), follow_redirects=False)
    return lambda: asyncio.run(_data(other))


async def _data(agent: AsyncAgent) -> dict[str, Any]:
    return (await agent.call("db", "read", {"id": "1"})).data


def result(request: httpx.Request, **data: Any) -> httpx.Response:
    frame = {"jsonrpc": "2.0", "id": json.loads(request.content)["id"], "result": {"structuredContent": data}}
    return response(json.dumps(frame).encode())


def response(body: bytes, status: int = 200, **headers: str) -> httpx.Response:
    """One whose body is still to be read, as from a network."""
    return httpx.Response(
        status, headers={"content-type": "application/json", **headers}, stream=httpx.ByteStream(body)
    )


both = pytest.mark.parametrize("kind", ["sync", "async"])


@both
def test_a_call_comes_to_its_result(kind: str) -> None:
    assert over(lambda request: result(request, state="open"), kind)() == {"state": "open"}


@both
@pytest.mark.parametrize(
    ("fault", "error", "n_sent"),
    [(httpx.ConnectError, Unreachable, 2), (httpx.ReadError, Unanswered, 1), (httpx.ReadTimeout, Unanswered, 1)],
)
def test_a_fault_of_the_network_shows_no_secret(
    kind: str, fault: type[httpx.TransportError], error: type[MasoError], n_sent: int
) -> None:
    seen = []

    def network(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise fault("broken", request=request)

    with pytest.raises(error) as told:
        over(network, kind)()
    assert len(seen) == n_sent
    # Also where a program prints what was in each frame.
    shown = "".join(traceback.TracebackException.from_exception(told.value, capture_locals=True).format())
    assert "secretsecret" not in shown


@both
def test_a_token_follows_no_redirect(kind: str) -> None:
    seen = []

    def network(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return response(b"", 307, location="http://attacker.example/")

    with pytest.raises(ProtocolFault):
        over(network, kind)()
    assert seen == ["127.0.0.1"]


@both
@pytest.mark.parametrize(("n_bytes", "is_read"), [(1000, True), (1001, False)])
def test_an_answer_is_read_up_to_its_bound(kind: str, n_bytes: int, is_read: bool) -> None:
    def network(request: httpx.Request) -> httpx.Response:
        return response(result(request, state="open").read().ljust(n_bytes))

    if is_read:
        assert over(network, kind)() == {"state": "open"}
    else:
        with pytest.raises(Unanswered, match="too long"):
            over(network, kind)()


@both
def test_no_proxy_of_the_environment_is_used(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://attacker.example")
    monkeypatch.setenv("ALL_PROXY", "http://attacker.example")
    client = (Agent if kind == "sync" else AsyncAgent)("http://127.0.0.1:1", CREDENTIALS)._client
    assert client.trust_env is False
    assert not client._mounts


def mailbox(answered: list[Any]) -> Network:
    """A mailbox with one request, that keeps what it is answered with."""

    def network(request: httpx.Request) -> httpx.Response:
        params = json.loads(request.content)["params"]
        if params["name"] == "receive_requests":
            waiting = [{"id": "hop_1", "from": "intake", "request": "assess", "content": {}, "task_token": "t.a.s"}]
            return result(request, requests=waiting)
        answered.append((request.headers["maso-task"], params["arguments"]["result"]))
        return result(request, done=True)

    return network


@both
@pytest.mark.parametrize("fails", [False, True])
def test_requests_are_answered_in_their_task_also_where_the_program_fails(
    kind: str, fails: bool, caplog: pytest.LogCaptureFixture
) -> None:
    answered: list[Any] = []

    def handle(request: Received, agent: Any) -> dict[str, Any]:
        assert agent._conversation.task == request.task
        if fails:
            raise RuntimeError("words that nobody else is to read")
        return {"ok": True}

    async def handle_async(request: Received, agent: Any) -> dict[str, Any]:
        return handle(request, agent)

    transport = httpx.MockTransport(mailbox(answered))
    if kind == "sync":
        agent = Agent("http://127.0.0.1:1", CREDENTIALS)
        agent._client = httpx.Client(transport=transport)
        assert agent.serve(handle, n_max=1) == 1
    else:
        other = AsyncAgent("http://127.0.0.1:1", CREDENTIALS)
        other._client = httpx.AsyncClient(transport=transport)
        assert asyncio.run(_wait(other.serve(handle_async, n_max=1))) == 1
    assert answered == [("t.a.s", {"failed": True} if fails else {"ok": True})]
    assert "words" not in caplog.text
    assert ("RuntimeError" in caplog.text) == fails


async def _wait(awaitable: Awaitable[int]) -> int:
    return await awaitable


def test_both_agents_can_do_the_same() -> None:
    def methods(kind: type) -> set[str]:
        return {name.removeprefix("a") for name in vars(kind) if not name.startswith("_")}

    # `aclose` and `answer`, `ask`: the prefix is taken from both alike.
    assert methods(Agent) - {"close"} == methods(AsyncAgent) - {"close"}
