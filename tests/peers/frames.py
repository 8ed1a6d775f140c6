"""A client that believes nothing: it speaks raw frames, over pipes and over HTTP, and keeps every byte that matters.

SDKs parse and write anew, and what they drop nobody misses. Here numbers keep their spelling and members their order,
so that two answers are equal only if a program that reads them byte by byte could not tell them apart.
"""

import http.client
import itertools
import json
import queue
import subprocess
import threading
import urllib.parse

STATELESS = "2026-07-28"
WAIT_S = 60
CAPABILITIES = {"sampling": {}, "elicitation": {}, "roots": {"listChanged": True}}


class Number(str):
    """A number as it was written."""


def exact(text):
    """What JSON says, with numbers as they were written and members in their order."""
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)


def canonical(value):
    """One spelling of what `exact` gave: equal texts mean equal bytes but for white space and escapes."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k) + ":" + canonical(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value)


def answer_server(method, params):
    """What this client says to a server that asks it for something: always the same."""
    if method == "sampling/createMessage":
        text = {"type": "text", "text": "a short answer"}
        return {"role": "assistant", "content": text, "model": "scripted-1", "stopReason": "endTurn"}
    if method == "elicitation/create":
        content = {"name": "Ada", "check": True, "color": "blue"}
        return {"action": "accept", "content": content} if params.get("mode", "form") == "form" else {"action": "decline"}
    if method == "roots/list":
        return {"roots": [{"uri": "file:///roots/one", "name": "one"}]}
    if method == "ping":
        return {}
    return None


class Client:
    """What both transports share: ids, waiting for an answer, serving what the server asks in the meantime."""

    def __init__(self, revision, capabilities=None):
        self.revision = revision
        self.capabilities = CAPABILITIES if capabilities is None else capabilities
        self.ids = itertools.count(1)
        self.inbound = queue.Queue()
        self.notifications = []
        self.asked = []
        self.early = {}

    def open(self):
        if self.revision == STATELESS:
            return self.request("server/discover", {})
        params = {
            "protocolVersion": self.revision,
            "capabilities": self.capabilities,
            "clientInfo": {"name": "raw", "version": "1"},
        }
        introduction = self.request("initialize", params)
        self.notify("notifications/initialized", {})
        return introduction

    def request(self, method, params, progress=None, on_notification=None):
        """The answer to a request: `{"result": …}` or `{"error": …}`, as `exact` reads it."""
        params = dict(params)
        for _ in range(10):
            answer = self.round(method, params, progress, on_notification)
            result = answer.get("result")
            if not isinstance(result, dict) or result.get("resultType") != "input_required":
                return answer
            responses = {}
            for key, asked in result.get("inputRequests", {}).items():
                self.asked.append(asked["method"])
                responses[key] = answer_server(asked["method"], asked.get("params", {}))
            params["inputResponses"] = responses
            params.pop("requestState", None)
            if "requestState" in result:
                params["requestState"] = result["requestState"]
        raise AssertionError("the server keeps asking")

    def round(self, method, params, progress=None, on_notification=None):
        number = next(self.ids)
        self.begin(number, method, params, progress)
        while True:
            frame = self.early.pop(number, None) or self.next_frame(method)
            if "method" not in frame:
                got = int(frame["id"]) if "id" in frame else None
                if got == number:
                    return {k: v for k, v in frame.items() if k in ("result", "error")}
                self.early[got] = frame
                continue
            self.heard(frame)
            if "id" not in frame and on_notification:
                on_notification(self, number, frame)

    def begin(self, number, method, params, progress=None):
        params = dict(params)
        meta = dict(params.get("_meta", {}))
        if progress is not None:
            meta["progressToken"] = progress
        if self.revision == STATELESS:
            meta["io.modelcontextprotocol/protocolVersion"] = STATELESS
            meta["io.modelcontextprotocol/clientCapabilities"] = self.capabilities
            meta["io.modelcontextprotocol/clientInfo"] = {"name": "raw", "version": "1"}
        if meta:
            params["_meta"] = meta
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})

    def notify(self, method, params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def next_frame(self, what):
        try:
            frame = self.inbound.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError(f"no answer to `{what}` in {WAIT_S} s") from None
        if isinstance(frame, Exception):
            raise frame
        return frame

    def heard(self, frame):
        if "id" not in frame:
            self.notifications.append(frame)
            return
        number = frame["id"]
        number = int(number) if isinstance(number, Number) else number
        result = answer_server(frame["method"], frame.get("params", {}))
        if frame["method"] != "ping":
            self.asked.append(frame["method"])
        if result is None:
            error = {"code": -32601, "message": "not offered"}
            self.send({"jsonrpc": "2.0", "id": number, "error": error})
        else:
            self.send({"jsonrpc": "2.0", "id": number, "result": result})


class Pipe(Client):
    """Over a child's standard input and output."""

    def __init__(self, command, revision, env=None, capabilities=None, patient=True):
        super().__init__(revision, capabilities)
        self.patient = patient
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
        )
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.child.stdout:
            if line.strip():
                self.inbound.put(exact(line))
        self.inbound.put(AssertionError("the server closed its pipe"))

    def send(self, frame):
        self.child.stdin.write(json.dumps(frame).encode() + b"\n")
        self.child.stdin.flush()

    def close(self):
        self.child.stdin.close()
        if not self.patient:
            # Some servers wait a minute for answers to what they asked before they notice that nobody is there.
            self.child.kill()
        try:
            self.child.wait(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()


class Http(Client):
    """Over streamable HTTP."""

    def __init__(self, url, revision, token, capabilities=None):
        super().__init__(revision, capabilities)
        self.url = urllib.parse.urlsplit(url)
        self.token = token
        self.session = None

    def open(self):
        introduction = super().open()
        if self.session:
            threading.Thread(target=self.listen, daemon=True).start()
        return introduction

    def headers(self, frame=None):
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json, text/event-stream"}
        if frame is not None:
            headers["Content-Type"] = "application/json"
        if self.session:
            headers["Mcp-Session-Id"] = self.session
            headers["MCP-Protocol-Version"] = self.revision
        if self.revision == STATELESS:
            headers["MCP-Protocol-Version"] = STATELESS
        if self.revision == STATELESS and frame is not None and "id" in frame and "method" in frame:
            headers["Mcp-Method"] = frame["method"]
            params = frame.get("params", {})
            name = params.get("uri") if frame["method"] == "resources/read" else params.get("name")
            if name is not None:
                headers["Mcp-Name"] = name
        return headers

    def connect(self):
        return http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=WAIT_S)

    def send(self, frame):
        if frame.get("method") == "initialize" or "id" not in frame or "method" not in frame:
            self.post(frame)
        else:
            threading.Thread(target=self.post, args=(frame,), daemon=True).start()

    def post(self, frame):
        connection = self.connect()
        try:
            connection.request("POST", self.url.path, json.dumps(frame), self.headers(frame))
            response = connection.getresponse()
            self.session = response.getheader("Mcp-Session-Id", self.session)
            self.take(response, "id" in frame and "method" in frame)
        except (OSError, ValueError, http.client.HTTPException) as fault:
            self.inbound.put(AssertionError(f"{frame.get('method')}: {fault!r}"))
        finally:
            connection.close()

    def take(self, response, expects_answer):
        kind = response.getheader("Content-Type", "")
        if kind.startswith("text/event-stream"):
            self.take_events(response)
        elif kind.startswith("application/json"):
            self.inbound.put(exact(response.read()))
        elif expects_answer:
            self.inbound.put(AssertionError(f"HTTP {response.status} without an answer"))

    def take_events(self, response):
        data = []
        for line in response:
            line = line.rstrip(b"\r\n")
            if line.startswith(b"data:"):
                data.append(line[5:].lstrip(b" "))
            elif not line and data:
                if any(data):
                    self.inbound.put(exact(b"\n".join(data)))
                data = []

    def listen(self):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port)
        try:
            connection.request("GET", self.url.path, headers={**self.headers(), "Accept": "text/event-stream"})
            response = connection.getresponse()
            if response.status == 200:
                self.take_events(response)
        except (OSError, http.client.HTTPException):
            pass  # The session is over.

    def close(self):
        if self.session:
            connection = self.connect()
            connection.request("DELETE", self.url.path, headers=self.headers())
            connection.getresponse().read()
            connection.close()
