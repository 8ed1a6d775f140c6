// The console in a real browser, against whatever serves it: the program, or the console's mock.
//
// MASO_URL         where it is served; or the link that signs an operator in, which says so too
// MASO_SIGN_IN     that link, where MASO_URL is not it
// MASO_BIN         the program, where it is one that serves: then nothing is skipped for want of a gateway
// MASO_MODE        `enforce` (default) or `observe`: what the deployment runs in
// MASO_MODULES     the folder whose node_modules holds playwright-core; this one where absent
// MASO_CHROMIUM    the browser; the system's Chromium where absent
//
// Where there is a gateway, it serves the claims example, and an agent of that makes things happen; the mock does so itself.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { Agent } from "./agent.mjs";

const modules = process.env.MASO_MODULES;
const installed = createRequire(modules ? `${modules}/` : import.meta.url);
const { chromium } = installed("playwright-core");
const axe = readFileSync(installed.resolve("axe-core/axe.min.js"), "utf8");

const url = process.env.MASO_URL ?? "";
const link = process.env.MASO_SIGN_IN ?? url;
assert.ok(url && link.includes("#link="), "set MASO_URL to a link that signs in, or MASO_URL and MASO_SIGN_IN");
const base = new URL(url).origin;
const mode = process.env.MASO_MODE ?? "enforce";
const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
const MARKUP = "claim://<img src=x onerror=alert(1)>";

let browser;
let context;
let page;
const faults = [];

before(async () => {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  browser = await chromium.launch({ executablePath: process.env.MASO_CHROMIUM ?? BROWSERS.find(existsSync), args });
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

const given = async (path) => (await context.request.get(base + path)).json();
const order = async (path, data) => {
  const answer = await context.request.post(base + path, { data });
  assert.ok(answer.ok(), `${path}: ${await answer.text()}`);
  return answer.json();
};
const PAGES = ["", "/map", "/approvals", "/tasks", "/agents", "/posture", "/record"];
/// What shows that a page has its content.
const FILLED = { "": "tr.hop", "/map": "svg.map .node", "/approvals": ".queue-group", "/tasks": ".pane article", "/agents": "article.mandate", "/posture": "tr.lane", "/record": "tr[data-sequence]" };
const open = async (on, path) => {
  await on.goto(`${base}/console${path}`);
  await on.locator(FILLED[path]).first().waitFor();
};
/// What a page does against the rules of accessibility: WCAG 2.2, levels A and AA, contrast included.
const against = async (on, where) => {
  await on.evaluate(axe);
  const { violations } = await on.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${where}: ${id} at ${node.target.join(" ")}`));
};
const openTickets = async () => (await given("/api/v1/tickets")).filter((ticket) => ticket.state === "open");

test("nothing but the sign-in page is served to anyone who is signed out", async () => {
  const outside = await browser.newContext();
  for (const path of ["/console", "/console/map", "/console/approvals", "/console/tasks", "/console/agents", "/console/posture", "/console/record", "/console/assets/live.js", "/console/assets/map-traffic.js", "/console/assets/console.css"]) {
    const answer = await outside.request.get(base + path, { maxRedirects: 0 });
    assert.equal(answer.status(), 303, path);
    assert.match(answer.headers().location, /^\/console\/sign-in/, path);
    assert.equal((await answer.body()).length, 0, path);
  }
  for (const path of ["/api/v1/status", "/api/v1/hops", "/api/v1/tickets", "/api/v1/agents", "/api/v1/map", "/api/v1/map/hops?of=stranger", "/api/v1/posture", "/api/v1/records", "/api/v1/events", "/api/v1/evaluations", "/api/v1/clarifications", "/api/v1/assumptions", "/v1/tasks"]) {
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

let agent;
let payment;
let held;

test("what an agent does shows up without a reload", async (t) => {
  // Without a gateway the address is one of the console's, which leads strangers to the sign-in page.
  const hasGateway = (await fetch(`${base}/mcp/claims-db`, { method: "POST", redirect: "manual" })).status !== 303;
  assert.ok(hasGateway || !process.env.MASO_BIN, "the program serves no gateway");
  if (!hasGateway) return t.skip("there is no gateway");
  agent = await Agent.hire(base, order);
  await agent.ask("documents", "resources/read", MARKUP, { uri: MARKUP });
  await page.locator("tr.hop.deny", { hasText: MARKUP }).first().waitFor();
  payment = await agent.prepare();
  held = agent.call("pay_claim", payment);
  if (mode === "observe") return;
  await page.locator("tr.hop.hold", { hasText: "claims-db:pay_claim" }).waitFor();
  await page.locator("#waiting").filter({ hasText: "1" }).waitFor();
});

test("hops are listed, and one opens with everything about it", async () => {
  await page.locator("tr.hop").first().waitFor();
  await page.getByText("Live", { exact: true }).last().waitFor();
  await page.locator(".row-open").first().click();
  const drawer = page.getByRole("complementary", { name: "Hop details" });
  await drawer.getByRole("heading", { name: "The hop" }).waitFor();
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
});

test("every screen says so when nothing is blocked, and only then", async () => {
  for (const path of PAGES) {
    await page.goto(`${base}/console${path}`);
    await page.locator("#strip .deployment").waitFor();
    const banner = page.getByText("OBSERVING: nothing is blocked");
    assert.equal(await banner.count(), mode === "observe" ? 1 : 0, path);
  }
});

test("what is stopped is told to people who hear the page", async (t) => {
  if (!agent) return t.skip("there is no gateway");
  await open(page, "");
  await page.getByText("Live", { exact: true }).last().waitFor();
  await agent.ask("documents", "resources/read", MARKUP, { uri: MARKUP });
  const told = page.locator('[aria-live="polite"]', { hasText: "Refused: analysis reads" });
  await told.waitFor({ state: "attached" });
});

test("the map moves as hops are decided, and tells what was refused", async (t) => {
  if (!agent) return t.skip("there is no gateway");
  await open(page, "/map");
  await page.getByText("Live", { exact: true }).last().waitFor();
  const [edge, refusing] = ["agent:analysis>server:claims-db", "agent:analysis>server:documents"];
  const counted = async (key) => (await given("/api/v1/map")).edges.find(({ from, to }) => `${from}>${to}` === key).decided;
  const before = await counted(edge);
  await agent.call("read_claim", { claim_id: payment.claim_id });
  await page.locator(`.edge.moving[data-edge="${edge}"]`).waitFor({ state: "attached" });
  // More may be decided meanwhile.
  const shows = (key, word, least) =>
    page.waitForFunction(([row, least]) => parseInt(document.querySelector(row)?.textContent, 10) >= least, [`tr[data-edge="${key}"] td:nth-of-type(4) .${word}`, least]);
  await shows(edge, "allow", before.allowed + 1);
  // What was refused has another line, a sign of its own, and a number.
  await shows(refusing, "deny", (await counted(refusing)).refused);
  await page.locator(`.edge[data-edge="${refusing}"] .refused:not(.none)`).waitFor({ state: "attached" });
  await page.locator(`tr[data-edge="${refusing}"]`).getByRole("link").click();
  const drawer = page.getByRole("complementary", { name: "Details" });
  await drawer.locator(".timeline .chip.deny").first().waitFor();
  assert.equal(await drawer.locator("script, img").count(), 0);
});

test("everybody on the map is reached by the keyboard alone", async () => {
  await open(page, "/map");
  // One of them is a place to stop at; from there, arrows lead to the others.
  assert.equal(await page.locator('svg.map .body[tabindex="0"]').count(), 1);
  await page.locator('svg.map .body[tabindex="0"]').focus();
  const party = () => page.evaluate(() => document.activeElement.dataset.party);
  const first = await party();
  await page.keyboard.press("ArrowRight");
  assert.match(await party(), /^server:/);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  assert.match(await party(), /^agent:/);
  const chosen = await party();
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("complementary", { name: "Details" });
  await drawer.getByRole("heading", { name: chosen.slice("agent:".length), exact: true }).waitFor();
  assert.equal(new URL(page.url()).hash, `#${encodeURIComponent(chosen)}`);
  await page.reload();
  await drawer.getByRole("heading", { name: chosen.slice("agent:".length), exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
  assert.equal(await party(), chosen);
  assert.ok(first);
});

test("the chain of a task is lit on the map", async (t) => {
  if (agent) {
    const content = { claim_id: payment.claim_id, outcome: "paid" };
    await agent.ask("maso", "tools/call", "send_request", { name: "send_request", arguments: { to: "communication", request: "notify_outcome", content } });
  }
  const [chain] = (await given("/api/v1/map")).chains;
  if (!chain) return t.skip("no work was handed on");
  await open(page, "/map");
  await page.getByLabel("Chain of a task").selectOption(chain.task);
  const [link] = chain.links;
  await page.locator(`.edge.on[data-edge="${link.from}>${link.to}"]`).waitFor({ state: "attached" });
  await page.locator(".badges .depth").first().waitFor({ state: "attached" });
  await page.locator(`.links [data-hop="${link.hop}"] .depth`, { hasText: String(link.chain.length + 1) }).waitFor();
  assert.equal(new URL(page.url()).hash, `#${encodeURIComponent(`task:${chain.task}`)}`);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("svg.map.lit").count(), 0);
});

test("who stands where on the map depends on nothing but who there is", async () => {
  await open(page, "/map");
  const found = await page.evaluate(async () => {
    const { layout, way } = await import("/console/assets/map-layout.js");
    const agentOf = (index) => ({ party: `agent:w${index % 14}-a${index}`, kind: "agent", agent: { workflow: `w${index % 14}`, sequence_position: index } });
    const faults = [];
    for (const [nAgents, nServers, width] of [[1, 0, 1200], [3, 3, 1200], [20, 4, 1000], [200, 12, 1200], [200, 70, 1700], [200, 12, 360], [0, 3, 900], [3, 3, 600], [3, 3, 900], [30, 60, 600], [12, 40, 760], [200, 12, 560]]) {
      const nodes = [
        ...Array.from({ length: nAgents }, (_, index) => agentOf(index)),
        ...Array.from({ length: nServers }, (_, index) => ({ party: `server:s${index}`, kind: "server" })),
        { party: "stranger", kind: "stranger" },
      ];
      const edges = nodes.filter(({ kind }) => kind === "agent").flatMap(({ party }, index) => (nServers ? [{ from: party, to: `server:s${(index * 5) % nServers}`, tools: ["t"], resources: [], prompts: [], grants: [], tells: [] }] : []));
      const one = layout(nodes, edges, width);
      const other = layout([...nodes].reverse(), [...edges].reverse(), width);
      const where = `${nAgents} agents, ${nServers} servers in ${width}`;
      for (const { party } of nodes) {
        const place = one.places.get(party);
        if (JSON.stringify(place) !== JSON.stringify(other.places.get(party))) faults.push(`${where}: ${party} moved`);
        if (place.x < 0 || place.y < 0 || place.x + place.width > width || place.y + place.height > one.height) faults.push(`${where}: ${party} stands outside`);
      }
      const places = [...one.places.values()];
      const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
      if (places.some((place, index) => places.slice(index + 1).some((later) => overlap(place, later)))) faults.push(`${where}: two stand on one place`);
      for (const { from, to } of edges) if (/NaN|undefined|Infinity/.test(way(one, from, to) ?? "undefined")) faults.push(`${where}: no way from ${from} to ${to}`);
    }
    return faults;
  });
  assert.deepEqual(found, []);
});

test("the map counts each hop once, and is drawn once in a frame however many there are", async () => {
  await open(page, "/map");
  const found = await page.evaluate(async () => {
    const [{ Drawing }, { Traffic, sum }] = await Promise.all([import("/console/assets/map-drawing.js"), import("/console/assets/map-traffic.js")]);
    const at = Date.now();
    const node = (party) => ({ party, kind: party.split(":")[0], agent: null });
    const traffic = new Traffic({ at, sequence: 5, span_ms: 10_000, n_left_out: 0, chains: [], edges: [], nodes: ["agent:a", "agent:b", "server:s"].map(node) });
    const drawing = new Drawing(() => {});
    document.body.append(drawing.root);
    let nFrames = 0;
    let draw;
    const real = window.requestAnimationFrame;
    window.requestAnimationFrame = (callback) => ((nFrames += 1), (draw = callback), 0);
    drawing.show(traffic, 900);
    const hop = (sequence, more) => ({ sequence, at, hop: `hop_${sequence}`, from: "agent:a", to: "server:s", verb: "call_tool", object: "s:t", decision: "allow", enforced: true, ...more });
    for (let sequence = 1; sequence <= 1_005; sequence += 1) {
      const happened = traffic.heard(hop(sequence, sequence % 2 ? {} : { from: "server:s", to: "agent:a", answers: "hop_1" }));
      if (happened) drawing.happened(happened);
    }
    const edge = traffic.edges.get("agent:a>server:s");
    const drawnOnce = nFrames;
    draw(performance.now());
    const isMoving = drawing.edges.get(edge.key).group.classList.contains("moving");
    // Requests are links; what was revoked takes with it what it led to.
    traffic.heard(hop(2_000, { to: "agent:b", verb: "request", object: "b:r", task: "t", chain: [] }));
    traffic.heard(hop(2_001, { from: "agent:b", to: "agent:a", verb: "request", object: "a:r", task: "t", chain: ["hop_2000"] }));
    traffic.heard(hop(2_002, { to: "agent:b", verb: "request", object: "b:r", task: "t", decision: "deny" }));
    const isAsked = traffic.revoked({ what: "delegation", subject: "hop_2000" });
    drawing.show(traffic, 900);
    drawing.follow(traffic.chains[0]);
    const nStruck = drawing.badges.querySelectorAll(".depth.revoked").length;
    const stranger = traffic.heard(hop(3_000, { from: null }));
    window.requestAnimationFrame = real;
    drawing.root.remove();
    return { counted: sum(edge.decided), lately: sum(traffic.lately(edge)), nEdges: traffic.edges.size, drawnOnce, isMoving, links: traffic.chains[0].links.map(({ revoked }) => revoked), isAsked, nStruck, stranger };
  });
  assert.deepEqual(found, { counted: 1_000, lately: 1_000, nEdges: 3, drawnOnce: 1, isMoving: true, links: [true, true], isAsked: false, nStruck: 2, stranger: null });
});

test("instances stand under their agent on the map, and what has ended fades and goes", async () => {
  await open(page, "/map");
  const found = await page.evaluate(async () => {
    const [{ Drawing }, { Traffic }, { nodeFacts }] = await Promise.all(["drawing", "traffic", "facts"].map((name) => import(`/console/assets/map-${name}.js`)));
    const at = Date.now();
    const one = (instance, more) => ({ instance, by: "agent:planner", since: at - 9_000, until: at + 9_000, ...more });
    const latest = [one("inst_1", { joined: at - 8_000 }), one("inst_2", {}), one("inst_3", { joined: at - 8_000, ended: { at: at - 45_000, why: "left" } }), one("inst_4", { ended: { at: at - 99_000, why: "<b>" } })];
    const agent = { workflow: "w", sequence_position: 1, phase: "primary", around_phase: "primary", stopped: false, revoked: false, n_credentials: 0, instances: { n_live: 5, latest } };
    const traffic = new Traffic({ at, sequence: 5, span_ms: 10_000, ended_shown_ms: 90_000, n_left_out: 0, chains: [], edges: [], nodes: [{ party: "agent:reader", kind: "agent", agent }] });
    const drawing = new Drawing(() => {});
    document.body.append(drawing.root);
    drawing.show(traffic, 900);
    const dots = () => [...drawing.root.querySelectorAll(".instance")].map((dot) => [dot.classList[1], Number(dot.style.opacity)]);
    const [first, said] = [dots(), drawing.root.querySelector(".node .body").getAttribute("aria-label")];
    // As if a minute had passed.
    traffic.aheadMs += 60_000;
    drawing.refresh();
    const then = dots();
    const facts = nodeFacts(traffic, "agent:reader", []).textContent;
    drawing.root.remove();
    return { first, said, then, isSaid: ["5 instances now", "not joined yet", "3 more that count"].map((words) => facts.includes(words)), isGone: !facts.includes("inst_3") };
  });
  assert.deepEqual(found, {
    first: [["there", 1], ["coming", 1], ["ended", 0.5]],
    said: "reader, agent, in Primary, 5 instances",
    then: [["there", 1], ["coming", 1]],
    isSaid: [true, true, true],
    isGone: true,
  });
});

test("filters stand in the address and survive a reload", async () => {
  await open(page, "");
  await page.locator('.segment[data-decision="allow"]').click();
  await page.keyboard.press("/");
  await page.keyboard.type("claims-db");
  await page.waitForURL(/\?decision=allow&q=claims-db$/);
  await page.reload();
  await page.locator("tr.hop").first().waitFor();
  assert.equal(await page.getByLabel("Search").inputValue(), "claims-db");
  assert.equal(await page.locator("tr.hop:not(.allow)").count(), 0);
});

test("no page breaks the rules of accessibility, in light and in dark", async () => {
  const found = [];
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const path of PAGES) {
      await open(page, path);
      found.push(...(await against(page, `${path || "/"} in ${colorScheme}`)));
    }
    await open(page, "/tasks");
    for (const item of await page.locator(".queue-group li:first-child > .queue-item").all()) {
      await item.click();
      await page.locator(".pane article").waitFor();
      const step = page.locator(".pane .option, .pane .weighed button").first();
      if (await step.count()) await step.click();
      found.push(...(await against(page, `the task ${await item.getAttribute("data-key")} in ${colorScheme}`)));
    }
    await open(page, "");
    await page.locator(".row-open").first().click();
    await page.getByRole("complementary", { name: "Hop details" }).getByText("On the record").waitFor();
    found.push(...(await against(page, `a hop in ${colorScheme}`)));
    await open(page, "/map");
    await page.locator("tr[data-edge]").first().getByRole("link").click();
    await page.getByRole("complementary", { name: "Details" }).getByText("Last hops").waitFor();
    found.push(...(await against(page, `an edge of the map in ${colorScheme}`)));
    await open(page, "/posture");
    await page.locator("tr.lane .button").first().click();
    found.push(...(await against(page, `moving a scope in ${colorScheme}`)));
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  assert.deepEqual(found, []);
});

test("the keyboard reaches the content first, then everything in the order in which it is read", async () => {
  await open(page, "");
  await page.locator("body").press("Tab");
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  assert.equal(await focused(), "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.keyboard.press("Tab");
  assert.match(await focused(), /^All/);
});

test("nothing is wider than a telephone", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of PAGES) {
    await open(page, path);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), path || "/");
  }
  await page.setViewportSize({ width: 1440, height: 900 });
});

test("markup in what agents say is text", async (t) => {
  const hops = await given("/api/v1/hops?limit=500");
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
  const ticket = (await openTickets()).find((ticket) => ticket.approvals.length === 0);
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
  const silence = card.locator(".unanswered");
  assert.match(await silence.innerText(), /^If nobody answers by .*\d\d:\d\d/);
  assert.ok((await silence.innerText()).replaceAll("`", "").includes(ticket.if_unanswered.replaceAll("`", "")));
  for (const reason of ticket.asked_because) await card.locator(".reasons li", { hasText: reason }).waitFor();
  assert.equal(await card.locator("#reason").count(), 1);
  await page.keyboard.press("r");
  await page.keyboard.type("looked at account and amount");
  const [sent] = await Promise.all([
    page.waitForRequest((request) => request.method() === "POST" && request.url().includes("/api/v1/tickets/")),
    // By keyboard alone. Outside of text, `a` leads to the step that asks; what is grave is approved by nothing less.
    (async () => {
      await page.getByRole("region", { name: "Details" }).focus();
      await page.keyboard.press("a");
      const isGrave = ["high", "critical"].includes(ticket.hop.risk) || ticket.hop.reversibility === "irreversible";
      if (!isGrave) return;
      const yes = card.getByRole("button", { name: "Yes, approve" });
      const numbers = ticket.hop.origins.filter(({ authority }) => authority).map(({ pointer }) => ticket.payload[pointer.slice(1)]);
      const amount = numbers.find((value) => typeof value === "number");
      if (amount !== undefined) {
        assert.ok(await yes.isDisabled(), "an amount is approved that nobody has read");
        await page.keyboard.type(`${amount}1`);
        await page.keyboard.press("Enter");
        assert.ok(await yes.isDisabled(), "another amount is approved than the one shown");
        await page.keyboard.press("Backspace");
      } else {
        await yes.focus();
      }
      await page.keyboard.press("Enter");
    })(),
  ]);
  assert.deepEqual(sent.postDataJSON(), { action: ticket.action, answer: "approve", reason: "looked at account and amount" });
  const answered = (await sent.response()).status();
  assert.equal(answered, 200);
  if (agent) {
    // The held call is answered in place, or told to come back, whichever is sooner.
    const first = await held;
    const { result } = first.result.resultType === "input_required" ? await agent.call("pay_claim", payment) : first;
    assert.ok(result.structuredContent && !result.isError, `the approved payment was not made: ${JSON.stringify(result)}`);
  }
  if (ticket.n_people === 1) await page.locator(`article[data-ticket="${ticket.ticket}"]:not([data-state="open"])`).waitFor();
});

test("a question is answered by keyboard, once, and the task shows it", async (t) => {
  await page.goto(`${base}/console/tasks${agent ? `#${encodeURIComponent(agent.taskId)}` : ""}`);
  await page.locator(".pane article").waitFor();
  await page.getByText("Live", { exact: true }).last().waitFor();
  for (const options of [["to the account on file", "to nobody"], []]) {
    if (agent) await agent.clarify("scope", "Where is what is covered to be paid to?", options);
    const asked = (await given("/api/v1/clarifications")).find((one) => !one.answered_by && (one.options ?? []).length === options.length);
    if (!asked) return t.skip("nobody asked");
    // What was just asked shows up without a reload.
    if (!agent) await page.goto(`${base}/console/tasks#${encodeURIComponent(asked.task)}`);
    const card = page.locator(`[data-question="${asked.question}"]`);
    await card.waitFor();
    if (agent) await page.locator("#questions", { hasText: /^1 question waits$/ }).waitFor();
    assert.equal(await card.locator("img, b, script").count(), 0);
    await page.getByRole("region", { name: "Details" }).focus();
    const isThere = () => card.evaluate((element) => element.contains(document.activeElement) && document.activeElement.matches(".option, textarea"));
    for (let nKeys = 0; nKeys < 40 && !(await isThere()); nKeys += 1) await page.keyboard.press("Tab");
    assert.ok(await isThere(), "the keyboard does not reach the answer");
    const answer = asked.options?.[0] ?? "to the account on file";
    const [sent] = await Promise.all([
      page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/clarifications")),
      (async () => {
        if (options.length) {
          // What an agent wrote is read once more before it counts.
          await page.keyboard.press("Enter");
          await card.getByRole("form", { name: "Confirm answer" }).locator("q", { hasText: answer }).waitFor();
        } else {
          await page.keyboard.type(answer);
          await page.keyboard.press("Tab");
        }
        await page.keyboard.press("Enter");
      })(),
    ]);
    assert.deepEqual(sent.postDataJSON(), { question: asked.question, answer });
    assert.equal((await sent.response()).status(), 204);
    await card.locator(".answered q", { hasText: answer }).waitFor();
    assert.equal(await card.locator("button:not(.copy), textarea").count(), 0);
    const again = await context.request.post(`${base}/v1/tasks/${encodeURIComponent(asked.task)}/clarifications`, { data: { question: asked.question, answer } });
    assert.equal(again.status(), 409);
  }
});

test("an assumption is let travel once, after what that means was read", async (t) => {
  if (agent) await agent.assume("Nobody else was insured against the same loss.");
  const made = (await given("/api/v1/assumptions")).find((one) => !one.answered_by);
  if (!made) return t.skip("nobody assumes anything");
  await page.goto(`${base}/console/tasks#${encodeURIComponent(made.task)}`);
  const card = page.locator(`[data-assumption="${made.assumption}"]`);
  await card.waitFor();
  assert.equal(await card.locator("img, b, script").count(), 0);
  await card.getByRole("button", { name: "Let it travel in this task" }).click();
  const [sent] = await Promise.all([
    page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/assumptions")),
    card.getByRole("form", { name: "Confirm" }).getByRole("button", { name: /^Yes/ }).press("Enter"),
  ]);
  assert.deepEqual(sent.postDataJSON(), { assumption: made.assumption, scope: "task" });
  assert.equal((await sent.response()).status(), 204);
  await card.locator(".answered", { hasText: "all who work on the task" }).waitFor();
  assert.equal(await card.locator("button:not(.copy)").count(), 0);
  const again = await context.request.post(`${base}/v1/tasks/${encodeURIComponent(made.task)}/assumptions`, { data: { assumption: made.assumption, scope: "local" } });
  assert.equal(again.status(), 409);
});

test("what somebody began to write stays while other things change", async (t) => {
  if (agent) await agent.clarify("scope", "Which of both is meant?", ["this", "that"]);
  const asked = (await given("/api/v1/clarifications")).filter((one) => !one.answered_by);
  const task = asked.find((one) => (one.options ?? []).length)?.task;
  if (!task) return t.skip("nobody asked");
  await page.goto(`${base}/console/tasks#${encodeURIComponent(task)}`);
  await page.getByRole("button", { name: "Another answer…" }).first().click();
  await page.keyboard.type("half an ans");
  if (agent) {
    await agent.clarify("objective", "And what is to be done with the other?", []);
    await page.getByText("And what is to be done with the other?").waitFor();
  } else {
    const other = asked.find((one) => one.task !== task);
    const answer = await context.request.post(`${base}/v1/tasks/${encodeURIComponent(other.task)}/clarifications`, { data: { question: other.question, answer: "yes" } });
    assert.equal(answer.status(), 204);
    await page.locator(`.queue [data-key="${other.task}"]`).waitFor({ state: "hidden" });
  }
  await page.keyboard.type("wer");
  assert.equal(await page.locator("textarea:focus").inputValue(), "half an answer");
});

test("means and outcome stand apart, and the right result by the wrong means stands first", async (t) => {
  const substitution = (await given("/api/v1/evaluations")).find((evaluation) => evaluation.class === "creative-substitution");
  if (!substitution) return t.skip("there was no creative substitution");
  await open(page, "/tasks");
  assert.match(await page.locator(".queue-group h2").first().innerText(), /^Creative substitutions/);
  await page.locator(`article[data-class="creative-substitution"]`).waitFor();
  assert.equal(await page.locator(".apart .part").count(), 2);
  await page.locator(`.queue-item:not([aria-current])`).first().click();
  await page.locator(".alarms").getByRole("link", { name: substitution.agent }).click();
  await page.locator(`article[data-task="${substitution.task}"][data-agent="${substitution.agent}"]`).waitFor();
});

test("what nothing decides is assessed with a reason, and the verdict follows", async (t) => {
  if (agent) {
    const closed = await context.request.delete(`${base}/v1/tasks/${encodeURIComponent(agent.taskId)}`, { data: { reason: "done" } });
    assert.equal(closed.status(), 204);
  }
  const isOpen = (criterion) => criterion.is_met === null && !/^(schema|person):/.test(criterion.decided_by ?? "");
  const found = (await given("/api/v1/evaluations")).find((evaluation) => evaluation.criteria.some(isOpen));
  if (!found) return t.skip("nothing is open");
  const { id } = found.criteria.find(isOpen);
  await page.goto(`${base}/console/tasks#${encodeURIComponent(`${found.task}/${found.agent}`)}`);
  const line = page.locator(`li[data-criterion="${id}"]`);
  await line.getByRole("button", { name: "Assess…" }).click();
  const form = line.getByRole("form", { name: `Assess ${id}` });
  const no = form.getByRole("button", { name: /^(Missed|It was averted)$/ });
  await no.click();
  await line.getByRole("alert").getByText("Say how you know").waitFor();
  await page.keyboard.type("looked at the account");
  const [sent] = await Promise.all([page.waitForRequest((request) => request.url().endsWith("/assessments")), no.click()]);
  assert.deepEqual(sent.postDataJSON(), { criterion: id, met: false, reason: "looked at the account" });
  assert.equal((await sent.response()).status(), 204);
  await line.getByText(/^(missed|averted)$/).waitFor();
});

test("agents, posture and record show what the API says", async () => {
  const [agents, posture, status] = await Promise.all(["agents", "posture", "status"].map((name) => given(`/api/v1/${name}`)));
  await page.goto(`${base}/console/agents`);
  for (const agent of agents) await page.locator(`.queue [data-key="${agent.agent}"]`).waitFor();
  await page.goto(`${base}/console/posture`);
  for (const scope of posture.scopes) await page.locator(`tr[data-scope="${scope.scope}"]`).waitFor();
  await page.locator("#kill").click();
  assert.ok(await page.getByRole("button", { name: "Stop now" }).isDisabled(), "the kill switch needs no confirmation");
  await page.goto(`${base}/console/record#${Math.min(2, status.n_records)}`);
  await page.getByRole("heading", { name: "As it was written" }).waitFor();
});

test("the record is checked as a whole, and found by number and by id", async (t) => {
  await open(page, "/record");
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByText("It holds.").waitFor();
  await page.getByLabel("Find a record").fill("1");
  await page.keyboard.press("Enter");
  await page.locator('tr.opened[data-sequence="1"]').waitFor();
  const hop = (await given("/api/v1/hops?limit=100")).at(-1);
  if (!hop) return t.skip("no hop is on the record");
  await page.getByLabel("Find a record").fill(hop.hop);
  await page.keyboard.press("Enter");
  await page.getByText(`Everything on the record about ${hop.hop}.`).waitFor();
  await page.locator(`tr[data-sequence="${hop.sequence}"]`).waitFor();
});

test("posture says who may bring a scope back", async () => {
  const { scopes } = await given("/api/v1/posture");
  await open(page, "/posture");
  for (const { scope, phase, moves } of scopes) {
    const back = page.locator(`tr[data-scope="${scope}"] .way-back`);
    assert.equal(await back.count(), phase === "primary" ? 0 : 1, scope);
    if (phase === "primary") continue;
    const { role } = moves.find(({ to }) => to === "primary");
    assert.ok((await back.innerText()).includes(role.replaceAll("-", " ")), scope);
  }
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
