// Runs the suite of cache-tests.fyi against a gateway.
//
// The suite's own origin stands behind an adapter that is the gateway's bucket: it takes the bucket's name and the signature off
// a request and hands it on. The suite's questions about its state go to its origin directly; its tests go to the gateway.
//
// Out goes one line `{"endpoint"}`, then in comes one line `{"gateway","token"}`, then out goes one line with the verdicts.

import http from 'node:http'
import { once } from 'node:events'
import readline from 'node:readline'
import { readFileSync } from 'node:fs'
import fetch from 'node-fetch'

import handleConfig from 'http-cache-tests/server/handle-config.mjs'
import handleState from 'http-cache-tests/server/handle-state.mjs'
import handleTest from 'http-cache-tests/server/handle-test.mjs'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import suites from 'http-cache-tests/tests/index.mjs'

// The number of the request that a test is at. Nothing of a client's request reaches a bucket, and the suite's origin wants
// to know it: it says which of a test's answers is due.
const numbers = new Map()
const test = path => path.split('/')[2]?.split('?')[0]

const say = line => process.stdout.write(`${JSON.stringify(line)}\n`)
console.log = (...words) => console.error(...words) // the suite's origin talks

async function listen (serve) {
  const server = http.createServer(serve)
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${server.address().port}` }
}

function suiteOrigin (request, response) {
  const [, kind, ...rest] = request.url.split('?')[0].split('/')
  const handlers = { config: handleConfig, state: handleState, test: handleTest }
  handlers[kind](rest, request, response)
}

// Answers pass as they are, header by header; a connection that breaks, breaks.
function bucket (request, response) {
  const path = request.url.slice('/suite'.length)
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => name !== 'authorization' && !name.startsWith('x-amz-')))
  const number = numbers.get(test(path))
  if (number !== undefined) headers['req-num'] = number
  const onwards = http.request(`${origin.url}${path}`, { method: request.method, headers, agent: false }, answer => {
    response.sendDate = false
    response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders)
    answer.pipe(response)
    answer.on('error', () => response.destroy())
  })
  onwards.on('error', () => response.destroy())
  request.pipe(onwards)
}

// A test's request goes to the gateway with a reader's token, unless it brings an `Authorization` of its own.
async function ask (url, init = {}) {
  const { pathname, search } = new URL(url)
  if (!pathname.startsWith('/test/')) return fetch(`${origin.url}${pathname}`, init)
  const headers = [...init.headers]
  const number = headers.find(([name]) => name === 'Req-Num')
  if (number) numbers.set(test(pathname), number[1])
  if (!headers.some(([name]) => name.toLowerCase() === 'authorization')) headers.push(['Authorization', `Bearer ${token}`])
  const answer = await fetch(`${gateway}${pathname}${search}`, { ...init, headers })
  // `Origin` is on every answer of the gateway and none of the suite's.
  const vary = (answer.headers.get('vary') ?? '').split(',').map(name => name.trim()).filter(name => name && name !== 'Origin')
  if (vary.length) answer.headers.set('vary', vary.join(', '))
  else answer.headers.delete('vary')
  return answer
}

// As the suite's own page judges: a test counts if those that it builds on have passed.
function verdict (id, results) {
  const known = tests.get(id)
  if (known.depends_on?.some(other => verdict(other, results) !== 'pass')) return 'dependency'
  const result = results[id]
  if (result === true) return 'pass'
  return result?.[0] === 'Setup' ? 'setup' : 'fail'
}

function verdicts (results) {
  const judged = [...tests.values()].filter(({ id }) => results[id] !== undefined)
  return Object.fromEntries(judged.map(({ id }) => [id, verdict(id, results)]))
}

const tests = new Map(suites.flatMap(suite => suite.tests).filter(test => !test.browser_only).map(test => [test.id, test]))
const origin = await listen(suiteOrigin)
const adapter = await listen(bucket)
say({ endpoint: adapter.url })
const lines = readline.createInterface({ input: process.stdin })
const { gateway, token } = JSON.parse((await once(lines, 'line'))[0])

await runTests(suites, ask, false, gateway)
const results = getResults()
const peer = JSON.parse(readFileSync(new URL('./node_modules/http-cache-tests/results/trafficserver.json', import.meta.url)))
say({
  kinds: Object.fromEntries([...tests.values()].map(({ id, kind }) => [id, kind ?? 'required'])),
  verdicts: verdicts(results),
  said: Object.fromEntries(Object.entries(results).filter(([, result]) => result !== true)),
  peer: verdicts(peer)
})
process.exit(0)
