// The console in a real browser, against whatever serves it.
//
// MASO_URL      where it is served, such as http://127.0.0.1:7070
// MASO_SIGN_IN  a link that signs an operator in (the mock's or the program's)
// MASO_MODE     `enforce` (default) or `observe`: what the deployment runs in
// MASO_CHROMIUM the browser; /usr/bin/chromium where absent
//
// There must be at least one hop. Where an action is held, one is approved; where a hop carries markup, it must be text.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const base = (process.env.MASO_URL ?? "").replace(/\/$/, "");
const link = process.env.MASO_SIGN_IN ?? "";
const mode = process.env.MASO_MODE ?? "enforce";
assert.ok(base && link, "set MASO_URL and MASO_SIGN_IN");

let browser;
let context;
let page;
const faults = [];

before(async () => {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  browser = await chromium.launch({ executablePath: process.env.MASO_CHROMIUM ?? "/usr/bin/chromium", args });
  context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  page = await context.newPage();
  page.on("dialog", (dialog) => {
    faults.push(`a dialog opened: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("pageerror", (error) => faults.push(`a page failed: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedHTML/.test(message.text())) faults.push(message.text());
  });
});

after(async () => {
  await browser?.close();
});

test("nothing but the sign-in page is served to anyone who is signed out", async () => {
  const outside = await browser.newContext();
  for (const path of ["/console", "/console/approvals", "/console/agents", "/console/posture", "/console/record", "/console/assets/live.js", "/console/assets/console.css"]) {
    const answer = await outside.request.get(base + path, { maxRedirects: 0 });
    assert.equal(answer.status(), 303, path);
    assert.match(answer.headers().location, /^\/console\/sign-in/, path);
    assert.equal((await answer.body()).length, 0, path);
  }
  for (const path of ["/api/v1/status", "/api/v1/hops", "/api/v1/tickets", "/api/v1/agents", "/api/v1/posture", "/api/v1/records", "/api/v1/events", "/v1/tasks"]) {
    assert.equal((await outside.request.get(base + path, { maxRedirects: 0 })).status(), 401, path);
  }
  await outside.close();
});

test("the answers forbid what would interpret foreign text", async () => {
  const answer = await page.goto(`${base}/console/sign-in`);
  const policy = answer.headers()["content-security-policy"];
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"]) {
    assert.ok(policy.includes(part), part);
  }
  assert.ok(!policy.includes("unsafe"), policy);
  assert.equal(answer.headers()["referrer-policy"], "no-referrer");
  assert.equal(answer.headers()["x-content-type-options"], "nosniff");
});

test("a wrong passphrase and a wrong link sign nobody in", async () => {
  await page.getByLabel("Operator").fill("nobody");
  await page.getByLabel("Passphrase").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#problem").waitFor();
  await page.goto(`${base}/console/sign-in#link=wrong`);
  await page.locator("#problem").waitFor();
  assert.equal(new URL(page.url()).hash, "", "the token stays in the address");
  assert.equal(new URL(page.url()).pathname, "/console/sign-in");
});

test("a link signs in and leaves no trace in the address", async () => {
  await page.goto(link.startsWith("http") ? link : base + link);
  await page.waitForURL(`${base}/console`);
  assert.ok(!page.url().includes("link="));
  const cookie = (await context.cookies(base)).find((cookie) => cookie.name === "maso_session");
  assert.ok(cookie?.httpOnly, "scripts can read the session");
  assert.equal(cookie.sameSite, "Strict");
});

test("hops are listed as they happen, and one opens with everything about it", async () => {
  await page.locator("tr.hop").first().waitFor();
  await page.getByText("Live", { exact: true }).last().waitFor();
  await page.locator(".row-open").first().click();
  const drawer = page.getByRole("complementary", { name: "Hop details" });
  await drawer.getByRole("heading", { name: "The hop" }).waitFor();
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
});

test("every screen says so when nothing is blocked, and only then", async () => {
  for (const path of ["", "/approvals", "/agents", "/posture", "/record"]) {
    await page.goto(`${base}/console${path}`);
    await page.locator("#strip .deployment").waitFor();
    const banner = page.getByText("OBSERVING: nothing is blocked");
    assert.equal(await banner.count(), mode === "observe" ? 1 : 0, path);
  }
});

test("markup in what agents say is text", async (t) => {
  const hops = await (await context.request.get(`${base}/api/v1/hops?limit=500`)).json();
  const hostile = hops.find((hop) => /<script|<img/i.test(hop.object));
  if (!hostile) return t.skip("no hop carries markup");
  await page.goto(`${base}/console`);
  const row = page.locator("tr.hop", { hasText: hostile.object }).first();
  await row.waitFor();
  assert.equal(await row.locator("script, img").count(), 0);
  await row.locator(".row-open").click();
  const drawer = page.getByRole("complementary", { name: "Hop details" });
  await drawer.getByText(hostile.object, { exact: true }).waitFor();
  assert.equal(await drawer.locator("script, img").count(), 0);
});

test("a held action shows each parameter with its origin, and is approved as it was shown", async (t) => {
  const open = async () => (await (await context.request.get(`${base}/api/v1/tickets`)).json()).filter((ticket) => ticket.state === "open");
  const [ticket] = await open();
  if (!ticket) return t.skip("no action is held");
  await page.goto(`${base}/console/approvals#${encodeURIComponent(ticket.ticket)}`);
  const card = page.locator(`article[data-ticket="${ticket.ticket}"]`);
  await card.waitFor();
  for (const origin of ticket.hop.origins) {
    const row = card.locator(`tr[data-pointer="${origin.pointer}"]`);
    assert.ok((await row.locator(".levels").innerText()).includes(origin.integrity), origin.pointer);
    assert.notEqual((await row.locator(".source").innerText()).trim(), "", origin.pointer);
    assert.equal(await row.locator(".authority").count(), origin.authority ? 1 : 0, origin.pointer);
  }
  for (const [name, value] of Object.entries(ticket.payload ?? {}).filter(([, value]) => typeof value === "number")) {
    assert.equal((await card.locator(`tr[data-pointer="/${name}"] .exact`).innerText()).trim(), String(value));
  }
  await card.getByText("If nobody answers:").waitFor();
  await card.getByLabel("Reason").fill("looked at account and amount");
  const [sent] = await Promise.all([
    page.waitForRequest((request) => request.method() === "POST" && request.url().includes("/api/v1/tickets/")),
    (async () => {
      await card.getByRole("button", { name: /^Approve/ }).click();
      const sure = card.getByRole("button", { name: "Yes, approve" });
      if (["high", "critical"].includes(ticket.hop.risk)) await sure.click();
    })(),
  ]);
  assert.deepEqual(sent.postDataJSON(), { action: ticket.action, answer: "approve", reason: "looked at account and amount" });
  const answered = (await sent.response()).status();
  assert.equal(answered, 200);
  if (ticket.n_people === 1) await page.locator(`article[data-ticket="${ticket.ticket}"]:not([data-state="open"])`).waitFor();
});

test("agents, posture and record show what the API says", async () => {
  const [agents, posture, status] = await Promise.all(["agents", "posture", "status"].map(async (name) => (await context.request.get(`${base}/api/v1/${name}`)).json()));
  await page.goto(`${base}/console/agents`);
  for (const agent of agents) await page.locator(`.queue [data-key="${agent.agent}"]`).waitFor();
  await page.goto(`${base}/console/posture`);
  for (const scope of posture.scopes) await page.locator(`tr[data-scope="${scope.scope}"]`).waitFor();
  await page.locator("#kill").click();
  assert.ok(await page.getByRole("button", { name: "Stop now" }).isDisabled(), "the kill switch needs no confirmation");
  await page.goto(`${base}/console/record#${Math.min(2, status.n_records)}`);
  await page.getByRole("heading", { name: "As it was written" }).waitFor();
});

test("signing out ends it", async () => {
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/console\/sign-in/);
  await page.goto(`${base}/console/approvals`);
  await page.waitForURL(/\/console\/sign-in\?next=approvals/);
});

test("nothing went wrong on any page", () => {
  assert.deepEqual(faults, []);
});
