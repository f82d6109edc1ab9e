// The emulator's program for functions, over Lambda's Runtime API.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { bearer, event, render, store, token } from './site.mjs';

const program = fileURLToPath(new URL('../../../crates/cloudfront/runtime/function.mjs', import.meta.url));

/** Gives the events one after the other, and what came back: [path, body] each. */
async function serve(code, events) {
  const directory = mkdtempSync(join(tmpdir(), 'runtime-'));
  writeFileSync(join(directory, 'code.js'), code);
  writeFileSync(join(directory, 'store.json'), JSON.stringify(store));
  const came = [];
  let number = 0;
  let done;
  const all = new Promise((resolve) => (done = resolve));
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    if (request.method === 'POST') {
      came.push([request.url, Buffer.concat(parts).toString()]);
      response.writeHead(202).end();
      if (came.length === Math.max(events.length, 1)) done();
    } else if (number < events.length) {
      response.writeHead(200, { 'lambda-runtime-aws-request-id': `r${number}` }).end(JSON.stringify(events[number++]));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const env = { ...process.env, AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${server.address().port}` };
  const child = spawn('node', [program, join(directory, 'code.js'), join(directory, 'store.json')], { env });
  let said = '';
  child.stdout.on('data', (data) => (said += data));
  await all;
  server.closeAllConnections();
  server.close();
  const [status] = await once(child, 'exit');
  return { came, said, status };
}

test('events in, results out, until the Runtime API is gone', async () => {
  const text = token({ workspace: 'w' });
  const events = [event('/files/w/a b', { headers: bearer(text) }), event('/files/w/a'), { version: '1.0' }, event('/public/a')];
  const { came, said, status } = await serve(render(), events);
  assert.deepEqual(came.map(([path]) => path.replace('/2018-06-01/runtime/invocation/', '')), ['r0/response', 'r1/response', 'r2/error', 'r3/response']);
  const results = came.map(([, body]) => JSON.parse(body));
  assert.equal(results[0].uri, '/files/w/a%20b');
  assert.equal(results[1].statusCode, 401);
  assert.match(results[2].errorType, /TypeError/);
  assert.equal(results[3].uri, '/public/a');
  assert.match(said, /"reason":"token_missing"/);
  assert.equal(status, 0);
});

test('nothing of one event is there at the next', async () => {
  const code = 'let count = 0;\nasync function handler(event) { count++; globalThis.x = (globalThis.x || 0) + 1; return { statusCode: count, x: globalThis.x }; }';
  const { came } = await serve(code, [event('/a'), event('/b')]);
  assert.deepEqual(came.map(([, body]) => body), ['{"statusCode":1,"x":1}', '{"statusCode":1,"x":1}']);
});

test('what CloudFront does not take is told at once', async () => {
  for (const [code, message] of [
    [`function handler(event) {}\n//${'x'.repeat(10_240)}`, /10269 bytes, 10240 are taken/],
    ['function handler(event) {', /Unexpected/],
  ]) {
    const { came, status } = await serve(code, []);
    assert.equal(came[0][0], '/2018-06-01/runtime/init/error');
    assert.match(JSON.parse(came[0][1]).errorMessage, message);
    assert.equal(status, 1);
  }
});

test('what the runtime does not have', async () => {
  for (const expression of ['new Map()', 'eval("1")', 'new Function("return 1")()', 'setTimeout(() => 0)', 'process.env', 'require("fs")', 'fetch("x")', 'BigInt(1)', 'crypto.randomUUID()']) {
    const code = `import crypto from 'crypto';\nfunction handler(event) { return { value: String(${expression}) }; }`;
    const { came } = await serve(code, [event('/a')]);
    assert.match(came[0][0], /error$/, expression);
  }
});
