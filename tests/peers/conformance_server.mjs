// A tool server with the fixtures that the public conformance suite expects, over standard input and output.
//
// The suite's own fixture is not part of its package; this one follows the suite's written requirements. It speaks plain
// frames, so that what arrives at the suite is what this file says and not what an SDK makes of it.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { createInterface } from 'node:readline'

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='
const REVISIONS = ['2025-06-18', '2025-11-25']

const text = (said) => ({ type: 'text', text: said })
const resource = (uri, mimeType, said) => ({ type: 'resource', resource: { uri, mimeType, text: said } })
const told = (...content) => ({ content })

let nextId = 1
const waiting = new Map()
const send = (frame) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...frame })}\n`)
const notify = (method, params) => send({ method, params })

// Asks the client for something.
function ask(method, params) {
  const id = `asked-${nextId++}`
  send({ id, method, params })
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
}

async function elicit(properties) {
  const answer = await ask('elicitation/create', {
    mode: 'form',
    message: 'Please fill this in.',
    requestedSchema: { type: 'object', properties, required: [] },
  })
  return told(text(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content)}`))
}

const titled = (...names) => names.map((title, index) => ({ const: `value${index + 1}`, title }))
const options = ['option1', 'option2', 'option3']

const calls = {
  test_simple_text: () => told(text('This is a simple text response for testing.')),
  test_image_content: () => told({ type: 'image', data: PIXEL, mimeType: 'image/png' }),
  test_audio_content: () => told({ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }),
  test_embedded_resource: () =>
    told(resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')),
  test_multiple_content_types: () =>
    told(
      text('Multiple content types test:'),
      { type: 'image', data: PIXEL, mimeType: 'image/png' },
      resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ),
  test_tool_with_logging: () => {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      notify('notifications/message', { level: 'info', logger: 'fixture', data })
    }
    return told(text('Logged three times.'))
  },
  test_tool_with_progress: (_, meta) => {
    for (const progress of [0, 50, 100]) {
      if (meta?.progressToken !== undefined) {
        notify('notifications/progress', { progressToken: meta.progressToken, progress, total: 100 })
      }
    }
    return told(text(`Done, ${meta?.progressToken}.`))
  },
  test_error_handling: () => ({
    content: [text('This tool intentionally returns an error for testing')],
    isError: true,
  }),
  test_sampling: async ({ prompt }) => {
    const answer = await ask('sampling/createMessage', {
      messages: [{ role: 'user', content: text(prompt) }],
      maxTokens: 100,
    })
    return told(text(`LLM response: ${answer.content.text}`))
  },
  test_elicitation: async ({ message }) => {
    const answer = await ask('elicitation/create', {
      message,
      requestedSchema: {
        type: 'object',
        properties: { response: { type: 'string', description: "User's response" } },
        required: ['response'],
      },
    })
    return told(text(`User response: action: ${answer.action}, content: ${JSON.stringify(answer.content)}`))
  },
  test_elicitation_sep1034_defaults: () =>
    elicit({
      name: { type: 'string', default: 'John Doe' },
      age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true },
    }),
  test_elicitation_sep1330_enums: () =>
    elicit({
      untitledSingle: { type: 'string', enum: options },
      titledSingle: { type: 'string', oneOf: titled('First Option', 'Second Option', 'Third Option') },
      legacyEnum: {
        type: 'string',
        enum: ['opt1', 'opt2', 'opt3'],
        enumNames: ['Option One', 'Option Two', 'Option Three'],
      },
      untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
      titledMulti: { type: 'array', items: { anyOf: titled('First Choice', 'Second Choice', 'Third Choice') } },
    }),
}

// As the suite describes it: what matters is that nothing of it is lost on the way.
const schema2020 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
}

const needed = { test_sampling: 'prompt', test_elicitation: 'message' }
const tools = Object.keys(calls).map((name) => ({
  name,
  description: 'A fixture of the conformance suite.',
  inputSchema: needed[name]
    ? { type: 'object', properties: { [needed[name]]: { type: 'string' } }, required: [needed[name]] }
    : { type: 'object', properties: {} },
  annotations: { readOnlyHint: true },
}))

tools.push({
  name: 'json_schema_2020_12_tool',
  description: 'Tool with JSON Schema 2020-12 features',
  inputSchema: schema2020,
  annotations: { readOnlyHint: true },
})

const resources = {
  'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
  'test://static-binary': { mimeType: 'image/png', blob: PIXEL },
  'test://watched-resource': { mimeType: 'text/plain', text: 'Watched resource content' },
}

function read({ uri }) {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1]
  if (id) {
    const said = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` })
    return { contents: [{ uri, mimeType: 'application/json', text: said }] }
  }
  if (!resources[uri]) throw { code: -32002, message: 'Resource not found', data: { uri } }
  return { contents: [{ uri, ...resources[uri] }] }
}

const user = (content) => ({ role: 'user', content })
const prompts = {
  test_simple_prompt: () => [user(text('This is a simple prompt for testing.'))],
  test_prompt_with_arguments: ({ arg1, arg2 }) => [
    user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  ],
  test_prompt_with_embedded_resource: ({ resourceUri }) => [
    user(resource(resourceUri, 'text/plain', 'Embedded resource content for testing.')),
    user(text('Please process the embedded resource above.')),
  ],
  test_prompt_with_image: () => [
    user({ type: 'image', data: PIXEL, mimeType: 'image/png' }),
    user(text('Please analyze the image above.')),
  ],
}
const taken = { test_prompt_with_arguments: ['arg1', 'arg2'], test_prompt_with_embedded_resource: ['resourceUri'] }

// ------------------------------------------------------------------------------------------------- stateless
//
// With the argument `stateless` it speaks 2026-07-28 alone, and asks a client by way of its answers.

const STATELESS = '2026-07-28'
const key = randomBytes(32)
const sign = (body) => createHmac('sha256', key).update(body).digest('base64url')

// What a server would remember, in the client's keeping; the suite wants to see that nobody else wrote it.
function seal(state) {
  const body = Buffer.from(JSON.stringify(state)).toString('base64url')
  return `${body}.${sign(body)}`
}

function unseal(sealed) {
  const [body, signature] = String(sealed).split('.')
  const [shown, right] = [Buffer.from(signature ?? ''), Buffer.from(sign(body))]
  if (shown.length !== right.length || !timingSafeEqual(shown, right)) {
    throw { code: -32602, message: 'the state was tampered with' }
  }
  return JSON.parse(Buffer.from(body, 'base64url').toString())
}

const form = (message, properties) => ({
  method: 'elicitation/create',
  params: { message, requestedSchema: { type: 'object', properties, required: Object.keys(properties) } },
})
const sample = (said, maxTokens) => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: text(said) }], maxTokens },
})
const roots = { method: 'roots/list', params: {} }
const inputs = (inputRequests, state) => ({
  resultType: 'input_required',
  inputRequests,
  ...(state === undefined ? {} : { requestState: seal(state) }),
})
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

// Asks for what is missing, and answers once all of it is there.
const withInputs = (requests, state, done) => (_, { inputResponses: given, requestState }) => {
  const known = requestState === undefined ? undefined : unseal(requestState)
  const missing = Object.keys(requests).some((name) => !isObject(given?.[name]))
  return missing || (state !== undefined && known === undefined) ? inputs(requests, state) : done(given, known)
}

const name = form('What is your name?', { name: { type: 'string' } })
const confirm = { confirm: form('Please confirm', { ok: { type: 'boolean' } }) }
const asking = {
  test_input_required_result_elicitation: withInputs({ user_name: name }, undefined, ({ user_name }) =>
    told(text(`Hello, ${user_name.content.name}!`)),
  ),
  test_input_required_result_sampling: withInputs(
    { capital_question: sample('What is the capital of France?', 100) },
    undefined,
    ({ capital_question }) => told(text(capital_question.content.text)),
  ),
  test_input_required_result_list_roots: withInputs({ client_roots: roots }, undefined, ({ client_roots }) =>
    told(text(client_roots.roots.map(({ uri }) => uri).join(' '))),
  ),
  test_input_required_result_request_state: withInputs(confirm, 'mine', () => told(text('state-ok'))),
  test_input_required_result_tampered_state: withInputs(confirm, 'mine', () => told(text('state-ok'))),
  test_input_required_result_multiple_inputs: withInputs(
    { user_name: name, greeting: sample('Generate a greeting', 50), client_roots: roots },
    'all',
    ({ user_name }) => told(text(`All there, ${user_name.content.name}.`)),
  ),
  test_input_required_result_multi_round: (_, { inputResponses: given, requestState }) => {
    const known = requestState === undefined ? {} : unseal(requestState)
    if (given?.step2 && known.name) return told(text(`${known.name} likes ${given.step2.content.color}.`))
    if (given?.step1) {
      const step2 = form('Step 2: What is your favorite color?', { color: { type: 'string' } })
      return inputs({ step2 }, { name: given.step1.content.name })
    }
    return inputs({ step1: form('Step 1: What is your name?', { name: { type: 'string' } }) }, { name: null })
  },
  test_input_required_result_capabilities: (_, { _meta, inputResponses }) => {
    if (inputResponses) return told(text('Thank you.'))
    const can = _meta['io.modelcontextprotocol/clientCapabilities']
    return inputs({
      ...(can.elicitation && { user_name: name }),
      ...(can.sampling && { greeting: sample('Generate a greeting', 50) }),
    })
  },
  test_mirrored_header: ({ region }) => told(text(`In ${region}.`)),
}

const statelessTools = Object.keys(asking).map((name) => ({
  name,
  description: 'A fixture of the conformance suite.',
  inputSchema:
    name === 'test_mirrored_header'
      ? { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } }, required: ['region'] }
      : { type: 'object', properties: {} },
  annotations: { readOnlyHint: true },
}))
const context = form('What context should the prompt use?', { context: { type: 'string' } })
const prompt = 'test_input_required_result_prompt'
const listed = { ttlMs: 0, cacheScope: 'private' }

const stateless = {
  'server/discover': () => ({
    supportedVersions: [STATELESS],
    capabilities: { tools: {}, prompts: {} },
    ...listed,
    _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'mcp-conformance-test-server', version: '1.0.0' } },
  }),
  'tools/list': () => ({ tools: statelessTools, ...listed }),
  'tools/call': (params) => {
    if (!asking[params.name]) throw { code: -32602, message: `Unknown tool: ${params.name}` }
    return asking[params.name](params.arguments ?? {}, params)
  },
  'prompts/list': () => ({ prompts: [{ name: prompt, description: 'A fixture.' }], ...listed }),
  'prompts/get': (params) => {
    if (params.name !== prompt) throw { code: -32602, message: `Unknown prompt: ${params.name}` }
    const answer = ({ user_context }) => ({ messages: [user(text(user_context.content.context))] })
    return withInputs({ user_context: context }, undefined, answer)({}, params)
  },
}

const withSessions = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion: REVISIONS.includes(protocolVersion) ? protocolVersion : REVISIONS.at(-1),
    serverInfo: { name: 'mcp-conformance-test-server', version: '1.0.0' },
    capabilities: {
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      logging: {},
      completions: {},
    },
  }),
  ping: () => ({}),
  'logging/setLevel': () => ({}),
  'tools/list': () => ({ tools }),
  'tools/call': ({ name, arguments: given, _meta }) => {
    if (!calls[name]) throw { code: -32602, message: `Unknown tool: ${name}` }
    return calls[name](given ?? {}, _meta)
  },
  'resources/list': () => ({
    resources: Object.entries(resources).map(([uri, { mimeType }]) => ({
      uri,
      name: uri,
      description: 'A fixture.',
      mimeType,
    })),
  }),
  'resources/templates/list': () => ({
    resourceTemplates: [
      {
        uriTemplate: 'test://template/{id}/data',
        name: 'template',
        description: 'A fixture.',
        mimeType: 'application/json',
      },
    ],
  }),
  'resources/read': read,
  'resources/subscribe': () => ({}),
  'resources/unsubscribe': () => ({}),
  'prompts/list': () => ({
    prompts: Object.keys(prompts).map((name) => ({
      name,
      description: 'A fixture.',
      arguments: (taken[name] ?? []).map((arg) => ({ name: arg, description: 'An argument.', required: true })),
    })),
  }),
  'prompts/get': ({ name, arguments: given }) => {
    if (!prompts[name]) throw { code: -32602, message: `Unknown prompt: ${name}` }
    return { messages: prompts[name](given ?? {}) }
  },
  'completion/complete': () => ({ completion: { values: ['paris', 'park'], total: 2, hasMore: false } }),
}

const isStateless = process.argv[2] === 'stateless'
const methods = isStateless ? stateless : withSessions
const complete = (said) => (isStateless ? { resultType: 'complete', ...said } : said)

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params, result, error } = JSON.parse(line)
  if (method === undefined) {
    const asked = waiting.get(id)
    waiting.delete(id)
    error ? asked?.reject(error) : asked?.resolve(result)
  } else if (id !== undefined) {
    // Answered when it is ready: a call that asks the client must not keep its answer from being read.
    Promise.resolve()
      .then(() => {
        if (!methods[method]) throw { code: -32601, message: `Method not found: ${method}` }
        return methods[method](params ?? {})
      })
      .then(
        (said) => send({ id, result: complete(said) }),
        (fault) => send({ id, error: { code: fault.code ?? -32603, message: fault.message, data: fault.data } }),
      )
  }
}
