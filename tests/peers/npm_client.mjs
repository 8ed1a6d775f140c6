// The npm SDKs as clients: ask what they read from standard input, write what they were answered.
//
//   npm_client.mjs client|sdk PEERS     `client` is the package of that name (all revisions), `sdk` the older line

import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [flavour, peers] = process.argv.slice(2)
const resolve = createRequire(`${peers}/package.json`).resolve
const load = (name) => import(pathToFileURL(resolve(name)))

const answers = {
  'sampling/createMessage': () => ({
    role: 'assistant',
    content: { type: 'text', text: 'a short answer' },
    model: 'scripted-1',
    stopReason: 'endTurn',
  }),
  'elicitation/create': () => ({ action: 'accept', content: { name: 'Ada', check: true, color: 'blue' } }),
  'roots/list': () => ({ roots: [{ uri: 'file:///roots/one', name: 'one' }] }),
}
const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } }
const identity = { name: 'npm', version: '1' }

async function newClient() {
  const { Client, StreamableHTTPClientTransport } = await load('@modelcontextprotocol/client')
  const { StdioClientTransport } = await load('@modelcontextprotocol/client/stdio')
  const client = new Client(identity, { capabilities, versionNegotiation: { mode: 'auto' } })
  for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(method, async () => answer())
  return { client, StdioClientTransport, StreamableHTTPClientTransport }
}

async function oldClient() {
  const { Client } = await load('@modelcontextprotocol/sdk/client/index.js')
  const { StdioClientTransport } = await load('@modelcontextprotocol/sdk/client/stdio.js')
  const { StreamableHTTPClientTransport } = await load('@modelcontextprotocol/sdk/client/streamableHttp.js')
  const types = await load('@modelcontextprotocol/sdk/types.js')
  const client = new Client(identity, { capabilities })
  const schemas = {
    'sampling/createMessage': types.CreateMessageRequestSchema,
    'elicitation/create': types.ElicitRequestSchema,
    'roots/list': types.ListRootsRequestSchema,
  }
  for (const [method, answer] of Object.entries(answers)) {
    client.setRequestHandler(schemas[method], async () => answer())
  }
  return { client, StdioClientTransport, StreamableHTTPClientTransport }
}

const ask = {
  'tools/call': (client, params) => client.callTool(params),
  'resources/read': (client, params) => client.readResource(params),
  'resources/list': (client) => client.listResources(),
  'resources/templates/list': (client) => client.listResourceTemplates(),
  'prompts/get': (client, params) => client.getPrompt(params),
  'completion/complete': (client, params) => client.complete(params),
}

// What belongs to one revision and not to the other is not part of the content.
function content(result) {
  const { resultType, ttlMs, cacheScope, _meta, ...rest } = result
  const { 'io.modelcontextprotocol/serverInfo': serverInfo, ...meta } = _meta ?? {}
  return Object.keys(meta).length ? { ...rest, _meta: meta } : rest
}

const order = JSON.parse(readFileSync(0, 'utf8'))
const { client, StdioClientTransport, StreamableHTTPClientTransport } = await (flavour === 'sdk'
  ? oldClient()
  : newClient())
const transport = order.url
  ? new StreamableHTTPClientTransport(new URL(order.url), {
      requestInit: { headers: { Authorization: `Bearer ${order.token}` } },
    })
  : new StdioClientTransport({
      command: order.command[0],
      args: order.command.slice(1),
      env: process.env,
      stderr: 'ignore',
    })
await client.connect(transport)
const transcript = []
for (const { method, params } of order.asks) {
  const entry = { what: `${method} ${JSON.stringify(params)}` }
  try {
    entry.result = content(await ask[method](client, params))
  } catch (error) {
    // maso speaks to each side in its own revision, and the revisions have different codes for a missing resource.
    const code = error.code === -32002 ? -32602 : error.code
    entry.error = { code, message: error.message.replace('-32002', '-32602') }
  }
  transcript.push(entry)
}
await client.close()
process.stdout.write(JSON.stringify(transcript))
