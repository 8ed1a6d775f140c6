// The agent `analysis` of the claims example, over the program's own doors: MCP over HTTP, without a session, with a token
// that is bound to a key and a proof in each request (DPoP, RFC 9449).

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";

const REVISION = "2026-07-28";
const base64url = (value) => Buffer.from(value).toString("base64url");
const hashed = (text) => createHash("sha256").update(text).digest("base64url");

/// The claim that it works on.
export const CLAIM = "C-1001";

export class Agent {
  /// `order` posts to the API as an operator who is signed in.
  static async hire(base, order) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const { crv, kty, x } = publicKey.export({ format: "jwk" });
    const thumbprint = hashed(JSON.stringify({ crv, kty, x }));
    const { token } = await order("/api/v1/agents/analysis/tokens", { thumbprint });
    const words = `Settle claim ${CLAIM}: pay what is covered to the account on file.`;
    const opened = await order("/v1/tasks", { workflow: "claims", words, agents: ["analysis"] });
    return Object.assign(new Agent(), { base, token, task: opened.token, taskId: opened.task.task, jwk: { crv, kty, x }, privateKey, nCalls: 0 });
  }

  /// Calls a tool of the system of record.
  call(tool, args) {
    return this.ask("claims-db", "tools/call", tool, { name: tool, arguments: args });
  }

  /// Asks the person who answers for the task what is meant.
  async clarify(about, question, options) {
    const { result, error } = await this.ask("maso", "tools/call", "ask_clarification", { name: "ask_clarification", arguments: { about, question, options } });
    assert.ok(result && !result.isError, `nobody was asked: ${JSON.stringify(result ?? error)}`);
  }

  /// Says what it takes for granted.
  async assume(text) {
    const { result, error } = await this.ask("maso", "tools/call", "assume", { name: "assume", arguments: { text } });
    assert.ok(result && !result.isError, `nothing was noted: ${JSON.stringify(result ?? error)}`);
  }

  /// Asks a server for something; what it, or maso, says.
  async ask(server, method, name, params) {
    const url = `${this.base}/mcp/${server}`;
    this.nCalls += 1;
    const meta = { "io.modelcontextprotocol/protocolVersion": REVISION, "io.modelcontextprotocol/clientCapabilities": {} };
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        authorization: `DPoP ${this.token}`,
        dpop: this.proof(url),
        "maso-task": this.task,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": REVISION,
        "mcp-method": method,
        "mcp-name": name,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: this.nCalls, method, params: { ...params, _meta: meta } }),
    });
    const text = await answer.text();
    const data = text.startsWith("{") ? text : text.split("\n").findLast((line) => line.startsWith("data:"))?.slice(5);
    assert.ok(data, `the gateway answered ${answer.status}: ${text}`);
    return JSON.parse(data);
  }

  proof(url) {
    const head = base64url(JSON.stringify({ typ: "dpop+jwt", alg: "EdDSA", jwk: this.jwk }));
    const claims = { jti: randomUUID(), htm: "POST", htu: url, iat: Math.floor(Date.now() / 1000), ath: hashed(this.token) };
    const signed = `${head}.${base64url(JSON.stringify(claims))}`;
    return `${signed}.${sign(null, signed, this.privateKey).toString("base64url")}`;
  }

  /// Reads and assesses the claim; the payment that is due.
  async prepare() {
    const claim = (await this.call("read_claim", { claim_id: CLAIM })).result.structuredContent;
    const policy = (await this.call("read_policy", { policy_id: claim.policy_id })).result.structuredContent;
    await this.call("record_assessment", { claim_id: CLAIM, covered: true, rationale: "the loss falls into the time of cover" });
    return { claim_id: CLAIM, payee_iban: policy.payee_iban, amount_minor: claim.payable_minor, idempotency_key: "browser-test-1" };
  }
}
