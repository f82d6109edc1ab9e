// The worker's decisions, with a made-up browser around them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCourier, type Doors } from '../src/courier';
import type { Message, Pass, WorkerOptions } from '../src/protocol';
import { compile } from '../src/rules';

const FILES = 'https://files.example.com';
// What every browser says of itself.
Object.assign(globalThis, { location: new URL('https://app.example.com/') });
const match = [{ pattern: `${FILES}/{workspace}/{name...}`, scope: '{workspace}', fallback: ['account'] }];

interface Sent {
  url: string;
  init: RequestInit;
}

type App = (scope: string, why: string) => Pass | null | undefined;

function browser(options: Partial<WorkerOptions>, server: (sent: Sent) => number, app: App, disk = new Map<string, unknown>()) {
  const sent: Sent[] = [];
  const asked: string[] = [];
  const told: Message[] = [];
  let now = 1000;
  const doors: Doors = {
    async fetch(input, init = {}) {
      const one = { url: String(input instanceof Request ? input.url : input), init };
      sent.push(one);
      return new Response(null, { status: server(one) });
    },
    async ask(message) {
      if (message.type !== 'ask') throw new Error(message.type);
      asked.push(`${message.scope} ${message.why}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return app(message.scope, message.why);
    },
    tell: (message) => void told.push(message),
    read: async (key) => disk.get(key),
    write: async (key, value) => disk.set(key, value),
    now: () => now,
  };
  const courier = createCourier(compile(match), { match, ...options }, doors);
  const get = async (path: string, init?: RequestInit) => {
    const request = new Request(FILES + path, init);
    const hit = courier.wants(request);
    return hit ? (await courier.serve(request, hit, 'page')).status : 'untouched';
  };
  return { courier, get, sent, asked, told, disk, pass: (seconds: number) => (now += seconds) };
}

const bearer = ({ init }: Sent) => new Headers(init.headers).get('authorization');
const header = (token: string, since = 1000, until = 2000): Pass => ({ carrier: 'header', token, since, until });
const cookie = (since = 1000): Pass => ({ carrier: 'cookie', since });

test('header: the token, the range and nothing else of the request', async () => {
  const it = browser({ carrier: 'header' }, () => 206, () => header('t1'));
  const headers = { range: 'bytes=5-9', 'if-range': '"e"', 'icy-metadata': '1', accept: 'image/*' };
  assert.equal(await it.get('/w/a', { headers }), 206);
  assert.deepEqual([...new Headers(it.sent[0]!.init.headers)], [['authorization', 'Bearer t1'], ['if-range', '"e"'], ['range', 'bytes=5-9']]);
  assert.equal(it.sent[0]!.init.credentials, 'omit');
  assert.equal(it.sent[0]!.init.mode, 'cors');
  assert.equal(it.sent[0]!.init.referrerPolicy, 'no-referrer');
});

test('query: the token in the address sent, not in the one the page sees', async () => {
  const it = browser({ carrier: 'query', param: 't' }, () => 200, () => ({ carrier: 'query', token: 'a+b', since: 1 }));
  assert.equal(await it.get('/w/a?v=1'), 200);
  assert.equal(it.sent[0]!.url, `${FILES}/w/a?v=1&t=a%2Bb`);
});

for (const [name, path, init] of [
  ['a POST', '/w/a', { method: 'POST' }],
  ['a token of its own', '/w/a', { headers: { authorization: 'Bearer x' } }],
  ['a link with its token', '/w/a?authorization=x', {}],
  ['no credentials wanted', '/w/a', { credentials: 'omit' }],
  ['no file', '/_edgepass/session', {}],
] as [string, string, RequestInit][]) {
  test(`untouched: ${name}`, async () => {
    const it = browser({ carrier: 'header' }, () => 200, () => header('t1'));
    assert.equal(await it.get(path, init), 'untouched');
    assert.equal(it.sent.length, 0);
  });
}

test('twenty requests at once ask for one token; twenty rejections for one more', async () => {
  const good = new Set(['Bearer t1']);
  let n = 0;
  const it = browser({ carrier: 'header' }, (one) => (good.has(bearer(one) ?? '') ? 200 : 401), () => header(`t${++n}`, 1000 + n));
  const all = () => Promise.all(Array.from({ length: 20 }, (_, i) => it.get(`/w/${i}`)));
  assert.deepEqual(new Set(await all()), new Set([200]));
  assert.deepEqual(it.asked, ['w missing']);
  good.clear();
  good.add('Bearer t2');
  assert.deepEqual(new Set(await all()), new Set([200]));
  assert.deepEqual(it.asked, ['w missing', 'w rejected']);
});

test('one renewal, then the 401 is given as it is', async () => {
  let n = 0;
  const it = browser({ carrier: 'header' }, () => 401, () => header(`t${++n}`, 1000 + n));
  assert.equal(await it.get('/w/a'), 401);
  assert.deepEqual(it.asked, ['w missing', 'w rejected']);
  assert.equal(it.sent.length, 2);
  assert.deepEqual(it.told, [{ type: 'denied', url: `${FILES}/w/a`, status: 401 }]);
});

test('a page that answers with a pass of no meaning ends in no loop', async () => {
  const it = browser({}, () => 401, () => ({}) as Pass);
  assert.equal(await it.get('/w/a'), 401);
  assert.ok(it.sent.length < 5, `${it.sent.length}`);
});

test('403: the fallback once, and no loop', async () => {
  const it = browser({ carrier: 'header' }, (one) => (bearer(one) === 'Bearer account' ? 200 : 403), (scope) => header(scope));
  assert.equal(await it.get('/w/a'), 200);
  assert.deepEqual(it.sent.map(bearer), ['Bearer w', 'Bearer account']);
  const none = browser({ carrier: 'header' }, () => 403, (scope) => header(scope));
  assert.equal(await none.get('/w/a'), 403);
  assert.equal(none.sent.length, 2);
});

test('no token for the own scope: the fallback; none at all: sent bare, never with the word null', async () => {
  const it = browser({ carrier: 'header' }, () => 200, (scope) => (scope === 'account' ? header('a') : null));
  assert.equal(await it.get('/w/a'), 200);
  assert.deepEqual(it.sent.map(bearer), ['Bearer a']);
  const bare = browser({ carrier: 'header' }, () => 401, () => undefined);
  assert.equal(await bare.get('/w/a'), 401);
  assert.deepEqual(bare.sent.map(bearer), [null]);
});

test('nobody answers: not asked again for a while', async () => {
  const it = browser({ carrier: 'header' }, () => 401, () => undefined);
  await it.get('/w/a');
  await it.get('/w/b');
  assert.deepEqual(it.asked, ['w missing', 'account missing']);
  it.pass(3);
  await it.get('/w/c');
  assert.equal(it.asked.length, 4);
});

test('a token about to end is renewed first; the old one serves when that fails', async () => {
  let n = 0;
  const it = browser({ carrier: 'header' }, () => 200, () => (n++ ? undefined : header('t1', 1000, 1100)));
  await it.get('/w/a');
  it.pass(80);
  assert.equal(await it.get('/w/b'), 200);
  assert.deepEqual(it.asked, ['w missing', 'w expired']);
  assert.deepEqual(it.sent.map(bearer), ['Bearer t1', 'Bearer t1']);
});

test('cookie: sent at once, no question asked', async () => {
  const it = browser({ carrier: 'cookie' }, () => 200, () => cookie());
  assert.equal(await it.get('/w/a'), 200);
  assert.equal(it.sent[0]!.init.credentials, 'include');
  assert.deepEqual(it.asked, []);
});

test('cookie: 401 or a first 403 has the page make one, then another try', async () => {
  for (const refusal of [401, 403]) {
    let has = false;
    const it = browser({}, () => (has ? 200 : refusal), () => ((has = true), cookie()));
    assert.equal(await it.get('/w/a'), 200);
    assert.deepEqual(it.asked, ['w missing']);
  }
});

test('cookie: a 403 is believed once the cookie is known to be there', async () => {
  const it = browser({}, () => 403, () => cookie());
  assert.equal(await it.get('/w/a'), 403);
  const asked = it.asked.length;
  const sent = it.sent.length;
  assert.equal(await it.get('/w/b'), 403);
  assert.equal(it.asked.length, asked);
  assert.ok(it.sent.length - sent <= 2);
});

test('auto: the way is learnt from the page, and remembered by a worker that starts again', async () => {
  const it = browser({}, (one) => (bearer(one) ? 200 : 401), () => header('t1'));
  assert.equal(await it.get('/w/a'), 200);
  assert.equal(it.disk.get(`${FILES} carrier`), 'header');
  assert.equal(it.sent.length, 2);

  const again = browser({}, (one) => (bearer(one) ? 200 : 401), () => header('t1'), it.disk);
  assert.equal(await again.get('/w/a'), 200);
  assert.deepEqual(again.sent.map(bearer), ['Bearer t1']);
});

test('persist: tokens outlive the worker, and only then lie on the disk', async () => {
  const it = browser({ carrier: 'header', persist: 'indexeddb' }, () => 200, () => header('t1'));
  await it.get('/w/a');
  assert.deepEqual(it.disk.get(`${FILES} token w`), header('t1'));
  const kept = browser({ carrier: 'header', persist: 'indexeddb' }, () => 200, () => null, it.disk);
  await kept.get('/w/a');
  assert.deepEqual(kept.sent.map(bearer), ['Bearer t1']);
  const memory = browser({ carrier: 'header' }, () => 200, () => header('t1'));
  await memory.get('/w/a');
  assert.equal(memory.disk.size, 0);
});

test('logout: what is on its way is not shown', async () => {
  const it = browser({ carrier: 'header' }, () => 200, () => header('t1'));
  const request = new Request(`${FILES}/w/a`);
  const answer = it.courier.serve(request, it.courier.wants(request)!, 'page');
  it.courier.forget();
  assert.equal((await answer).type, 'error');
});
