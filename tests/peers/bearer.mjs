// Passes requests on with a bearer token: the conformance suite has no way to send one. Everything else goes through
// as it is, streams included.
//
//   bearer.mjs HOST:PORT TOKEN     prints the address where it listens

import { createServer, request } from 'node:http'

const [target, token] = process.argv.slice(2)
const [host, port] = target.split(':')

const server = createServer((incoming, outgoing) => {
  const ours = `127.0.0.1:${server.address().port}`
  const headers = { ...incoming.headers, authorization: `Bearer ${token}` }
  // Only what names this process is made to name the other: a wrong host or origin must arrive there as wrong.
  if (headers.host === ours || headers.host === `localhost:${server.address().port}`) headers.host = target
  if (headers.origin?.endsWith(`:${server.address().port}`)) headers.origin = `http://${target}`
  const onward = request({ host, port, method: incoming.method, path: incoming.url, headers }, (response) => {
    outgoing.writeHead(response.statusCode, response.headers)
    response.pipe(outgoing)
  })
  onward.on('error', () => outgoing.destroy())
  outgoing.on('close', () => onward.destroy())
  incoming.pipe(onward)
})
server.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${server.address().port}`))
