"""What must be the same with maso in between, for each server, client, transport and revision."""

import json
import re
import subprocess
from pathlib import Path

from frames import STATELESS, Http, Number, Pipe, canonical, exact

HERE = Path(__file__).parent
LEGACY = ("2025-06-18", "2025-11-25")
ASKING_TOOLS = ("trigger-sampling-request", "trigger-elicitation-request", "get-roots-list")

# Scenarios of the conformance suite that are not run, each with its reason.
LEFT_OUT = {
    "server-sse-polling": "it is about servers that close a stream in the middle of a call, which maso never does",
}


def fixture(scenario):
    """The fixture that a scenario needs: one that asks by way of its answers, or one with sessions."""
    asks = scenario.startswith("input-required-") or scenario == "http-custom-header-server-validation"
    return "conformance-stateless" if asks else "conformance"


class Meeting:
    """Everything that a check needs: a deployment that is served, and the peers."""

    def __init__(self, deployment, servers, peers, node, scratch):
        self.deployment, self.servers = deployment, {server.name: server for server in servers}
        self.peers, self.node, self.scratch = peers, node, scratch
        deployment.withdraw("everything", ASKING_TOOLS)
        self.base = deployment.up()
        self.token = deployment.token()

    def restart(self):
        """Starts anew, and with it the servers: clients of the stateless revision share one of each."""
        self.deployment.down()
        self.base = self.deployment.up()

    def direct(self, server, revision, **more):
        return Pipe(server.command, revision, patient=False, **more)

    def over_http(self, server, revision, **more):
        return Http(f"{self.base}/mcp/{server.name}", revision, self.token, **more)

    def over_pipe(self, server, revision, **more):
        return Pipe(self.deployment.wrapper(server.name), revision, env=self.deployment.environment, **more)


def all_of(meeting):
    """Names and checks, in the order in which they build on each other."""
    yield "a tool that nobody approved is not shown, and is shown once approved", lambda: approval(meeting)
    public = [server for server in meeting.servers.values() if server.asks]
    for server in public:
        for revision in ("2025-06-18", "2025-11-25", STATELESS):
            for way in ("http", "pipe"):
                name = f"{server.name}, raw {revision} over {way}: same bytes"
                yield name, lambda s=server, r=revision, w=way: same_bytes(meeting, s, r, w)
    for server in public:
        for client in ("python", "client", "sdk"):
            for way in ("http", "pipe"):
                name = f"{server.name}, {'npm ' if client != 'python' else ''}{client} over {way}: same transcript"
                yield name, lambda s=server, c=client, w=way: same_transcript(meeting, s, c, w)
    for way in ("http", "pipe"):
        for revision in ("2025-06-18", "2025-11-25", STATELESS):
            name = f"progress {revision} over {way}"
            yield name, lambda r=revision, w=way: progress(meeting, r, w)
        for revision in LEGACY:
            name = f"cancellation {revision} over {way}"
            yield name, lambda r=revision, w=way: cancellation(meeting, r, w)
    for revision in (*LEGACY, STATELESS):
        for scenario in scenarios(meeting, revision):
            name = f"conformance {revision}, {scenario}"
            yield name, lambda r=revision, s=scenario: conformance(meeting, r, s)
    yield "every answer of a client to a server is on the record", lambda: on_record(meeting)
    yield "the record verifies", lambda: verified(meeting)


def approval(meeting):
    """Three tools that ask the client for something: in the mandate, and nobody has approved their definitions yet."""
    server = meeting.servers["everything"]
    client = meeting.over_http(server, "2025-11-25")
    client.open()
    before = names(client.request("tools/list", {}))
    hidden = [tool for tool in ASKING_TOOLS if tool not in before]
    assert hidden == list(ASKING_TOOLS), f"shown without approval: {set(ASKING_TOOLS) - set(hidden)}"
    refused = client.request("tools/call", {"name": ASKING_TOOLS[0], "arguments": {"prompt": "x"}})
    assert "error" in refused or refused["result"].get("isError") is True, refused
    client.close()
    approved = meeting.deployment.approve_waiting()
    missing = [tool for tool in ASKING_TOOLS if f"everything:{tool}" not in approved]
    assert not missing, f"never waited for approval: {missing}"
    client = meeting.over_http(server, "2025-11-25")
    client.open()
    after = names(client.request("tools/list", {}))
    client.close()
    assert set(ASKING_TOOLS) <= set(after), f"still not shown: {set(ASKING_TOOLS) - set(after)}"


def names(listing):
    return [tool["name"] for tool in listing["result"]["tools"]]


def same_bytes(meeting, server, revision, way):
    direct_revision = revision if revision in server.eras else "2025-11-25"
    expected = ask_all(server, meeting.direct(server, direct_revision), meeting)
    if server.keeps_state:
        meeting.restart()
    connect = meeting.over_http if way == "http" else meeting.over_pipe
    got = ask_all(server, connect(server, revision), meeting, bridged=revision != direct_revision)
    if revision != direct_revision:
        expected = [(what, without_era(answer)) for what, answer in expected]
    assert len(expected) == len(got)
    for (what, before), (_, after) in zip(expected, got):
        assert_same(what, canonical(calm(server, before)), canonical(calm(server, after)))


def ask_all(server, client, meeting, bridged=False):
    server.reset()
    try:
        client.open()
        answers = [("tools/list", shown(client.request("tools/list", {})))]
        if server.name == "everything":
            answers += [(method, client.request(method, {})) for method in ("resources/list", "prompts/list")]
        for method, params in server.asks:
            answers.append((f"{method} {json.dumps(params)}", client.request(method, params)))
    finally:
        client.close()
    if bridged:
        answers = [(what, without_era(answer)) for what, answer in answers]
    return answers


def shown(listing):
    """Tools that are in the mandate; a server may publish others that nobody granted."""
    ungranted = ("-async", "simulate-research-query", "trigger-url-elicitation")
    tools = listing["result"]["tools"]
    listing["result"]["tools"] = [tool for tool in tools if not tool["name"].endswith(ungranted)]
    return listing


def without_era(answer):
    """An answer without what one revision has and the other does not."""
    answer = json.loads(json.dumps(answer), parse_int=Number, parse_float=Number)
    result = answer.get("result")
    if isinstance(result, dict):
        for key in ("resultType", "ttlMs", "cacheScope"):
            result.pop(key, None)
        meta = result.get("_meta", {})
        meta.pop("io.modelcontextprotocol/serverInfo", None)
        if not meta:
            result.pop("_meta", None)
        for tool in result.get("tools", []):
            tool.pop("execution", None)
    error = answer.get("error")
    if error and error.get("code") == "-32002":
        error["code"] = "-32602"
    return answer


def assert_same(what, direct, through):
    if direct == through:
        return
    at = next((i for i, (a, b) in enumerate(zip(direct, through)) if a != b), min(len(direct), len(through)))
    cut = slice(max(at - 200, 0), at + 300)
    raise AssertionError(f"{what}, at {at}\n   direct: …{direct[cut]}\n   maso:   …{through[cut]}")


def calm(server, answer):
    """An answer without what differs between two runs of the same server."""
    if isinstance(answer, dict):
        return {key: calm(server, value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [calm(server, value) for value in answer]
    if isinstance(answer, str) and not isinstance(answer, Number):
        lines = answer.split("\n")
        return "\n".join(line for line in lines if line.split(":")[0] not in server.volatile)
    return answer


def same_transcript(meeting, server, client, way):
    server.reset()
    expected = transcript(meeting, client, {"command": server.command}, server)
    server.reset()
    if server.keeps_state:
        meeting.restart()
    if way == "http":
        spec = {"url": f"{meeting.base}/mcp/{server.name}", "token": meeting.token}
    else:
        spec = {"command": meeting.deployment.wrapper(server.name)}
    got = transcript(meeting, client, spec, server)
    assert len(expected) == len(got), f"{len(expected)} answers direct, {len(got)} through maso"
    for before, after in zip(expected, got):
        what = before["what"]
        assert_same(what, canonical(calm(server, before)), canonical(calm(server, after)))


def transcript(meeting, client, spec, server):
    asks = [{"method": method, "params": params} for method, params in server.asks]
    program = [f"{meeting.peers}/client/bin/python", str(HERE / "python_client.py")]
    if client != "python":
        program = [meeting.node, str(HERE / "npm_client.mjs"), client, meeting.peers]
    done = subprocess.run(
        program,
        input=json.dumps({**spec, "asks": asks}),
        env=meeting.deployment.environment,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, f"{client} ended with {done.returncode}: {done.stderr[-1500:]}"
    return exact(done.stdout)


def progress(meeting, revision, way):
    """What the server says about its progress reaches the one who asked, under the token that it chose."""
    server = meeting.servers["everything"]
    connect = meeting.over_http if way == "http" else meeting.over_pipe
    told = []
    for client in (meeting.direct(server, "2025-11-25"), connect(server, revision)):
        client.open()
        asked = {"name": "trigger-long-running-operation", "arguments": {"duration": 0.05, "steps": 5}}
        answer = client.request("tools/call", asked, progress="my-token")
        assert "result" in answer, answer
        told.append(
            [
                # As an object: under which token it comes is rewritten on the way, so its members come in another order.
                sorted(frame["params"].items())
                for frame in client.notifications
                if frame["method"] == "notifications/progress"
            ]
        )
        client.close()
    assert told[0] and told[0] == told[1], f"direct: {told[0]}\n   maso: {told[1]}"


def cancellation(meeting, revision, way):
    """A call that is taken back is not answered, and the connection goes on."""
    server = meeting.servers["everything"]
    client = (meeting.over_http if way == "http" else meeting.over_pipe)(server, revision)
    client.open()
    # Longer than any test waits: only the cancellation can end it. Its first progress says that it has begun.
    asked = {"name": "trigger-long-running-operation", "arguments": {"duration": 100, "steps": 10000}}
    number = next(client.ids)
    client.begin(number, "tools/call", asked, progress="p")
    while (frame := client.next_frame("progress")).get("method") != "notifications/progress":
        assert int(frame.get("id", 0)) != number, f"answered at once: {frame}"
    client.notify("notifications/cancelled", {"requestId": number, "reason": "no longer wanted"})
    answer = client.request("tools/call", {"name": "echo", "arguments": {"message": "still here"}})
    assert answer["result"]["content"][0]["text"] == "Echo: still here", answer
    assert number not in client.early, f"a cancelled call was answered: {client.early[number]}"
    client.close()


def suite(meeting):
    return [meeting.node, f"{meeting.peers}/node_modules/@modelcontextprotocol/conformance/dist/index.js"]


def scenarios(meeting, revision):
    """The suite's scenarios for servers of this revision, but for those that a proxy cannot pass or that need another fixture."""
    done = subprocess.run([*suite(meeting), "list"], capture_output=True, text=True, timeout=60)
    of_servers = done.stdout.split("Client scenarios")[0]
    found = re.findall(r"^\s+- (\S+) \[([^\]]*)\]", of_servers, re.M)
    names = [name for name, revisions in found if revision in revisions.split(",") and name not in LEFT_OUT]
    assert len(names) > 20, f"the suite lists {names}"
    return names


def conformance(meeting, revision, scenario):
    target = meeting.base.removeprefix("http://")
    bearer = subprocess.Popen(
        [meeting.node, str(HERE / "bearer.mjs"), target, meeting.token], stdout=subprocess.PIPE, text=True
    )
    try:
        address = bearer.stdout.readline().strip()
        url = f"http://{address}/mcp/{fixture(scenario)}"
        done = subprocess.run(
            [*suite(meeting), "server", "--url", url, "--scenario", scenario, "--spec-version", revision],
            cwd=meeting.scratch,
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        bearer.kill()
        bearer.communicate()
    said = done.stdout + done.stderr
    errors = [line.strip() for line in said.splitlines() if "Error:" in line or line.startswith("[implementation]")]
    # The suite fails what it cannot try because a fixture lacks a tool; that says nothing of what stands before it.
    failed = [error for error in errors if "Not testable: server does not list" not in error]
    assert done.returncode == 0 or (errors and not failed), "\n   ".join(failed) or said[-2000:]


def on_record(meeting):
    exported = meeting.deployment.run("log", "export", str(meeting.deployment.folder))
    bodies = [json.loads(line) for line in exported.splitlines() if line]
    text = json.dumps(bodies)
    for word in ("ask_client", "read_resource", "get_prompt", "call_tool"):
        assert word in text, f"`{word}` is nowhere on the record"


def verified(meeting):
    assert meeting.deployment.verified()
