// The viewer-request function: CloudFront's event in, the request or an answer out. Every decision is edgepass.wasm's; here are
// what it asks of a host (the time, signatures by OpenSSL) and CloudFront's form of a result.
//
// Nothing is read and nothing is awaited on the way of a request: the module and its settings are loaded when the function
// starts (Lambda@Edge has no environment variables).
import { createHmac, createPublicKey, createSecretKey, timingSafeEqual, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const here = (name) => new URL(name, import.meta.url);
const module = new WebAssembly.Module(readFileSync(here('edgepass.wasm')));
const site = readFileSync(here('site.json'));
const refresh = JSON.parse(site).refresh;
// What an issuer published since: the last good set of each, as bytes.
const published = new Map();

let wasm;
let keys;

/** A new instance with the settings and with all keys known so far. */
function start() {
  wasm = new WebAssembly.Instance(module, { host: { verify: made } }).exports;
  if (wasm.open(...give(site)) !== 1) throw new Error(`site.json: ${said()}`);
  keys = keyObjects(JSON.parse(said()));
  for (const [issuer, jwks] of published) replace(issuer, jwks);
}

/** Bytes for wasm, which frees them. */
function give(bytes) {
  const address = wasm.alloc(bytes.length);
  new Uint8Array(wasm.memory.buffer, address, bytes.length).set(bytes);
  return [address, bytes.length];
}

function said() {
  return Buffer.from(wasm.memory.buffer, wasm.out_ptr(), wasm.out_len()).toString();
}

/** For each issuer its keys. OpenSSL refuses points that are not on their curve: that ends the start or the refresh. */
function keyObjects(sets) {
  return sets.map((set) =>
    set.map((jwk) => ({
      alg: jwk.alg,
      key: jwk.kty === 'oct' ? createSecretKey(jwk.k, 'base64url') : createPublicKey({ key: jwk, format: 'jwk' }),
    })),
  );
}

/** Whether this key made this signature: a key has one algorithm for life. */
function made(issuer, number, message, messageLength, signature, signatureLength) {
  const { alg, key } = keys[issuer][number];
  message = new Uint8Array(wasm.memory.buffer, message, messageLength);
  signature = new Uint8Array(wasm.memory.buffer, signature, signatureLength);
  switch (alg) {
    case 'HS256':
      return signature.length === 32 && timingSafeEqual(createHmac('sha256', key).update(message).digest(), signature) ? 1 : 0;
    case 'RS256':
      return verify('sha256', message, key, signature) ? 1 : 0;
    case 'ES256':
      return signature.length === 64 && verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature) ? 1 : 0;
    case 'EdDSA':
      return verify(null, message, key, signature) ? 1 : 0;
    default:
      return 0;
  }
}

const encoder = new TextEncoder();

function decide(id, { method, uri, querystring, headers }) {
  const question = encoder.encode(JSON.stringify({ id, method, uri, querystring, headers }));
  wasm.decide(...give(question), BigInt(Math.floor(Date.now() / 1000)));
  return JSON.parse(said());
}

export async function handler(event) {
  const { config, request } = event?.Records?.[0]?.cf ?? {};
  const id = String(config?.requestId ?? '');
  if (refresh) refreshKeys();
  let decision;
  try {
    decision = decide(id, request ?? {});
  } catch (error) {
    // A trap leaves the instance in no state to go on with: a new one takes the next request.
    console.error(JSON.stringify({ id, error: String(error) }));
    start();
    return broken(id);
  }
  if (decision.pass) {
    request.uri = decision.pass.uri;
    request.querystring = '';
    delete request.headers.authorization;
    delete request.headers.cookie;
    return request;
  }
  const { response, log } = decision.answer;
  if (log) console.log(log);
  return response;
}

const broken = (id) => ({
  status: '503',
  statusDescription: 'Service Unavailable',
  headers: {
    'cache-control': [{ key: 'cache-control', value: 'no-store' }],
    'content-type': [{ key: 'content-type', value: 'application/json' }],
    'retry-after': [{ key: 'retry-after', value: '1' }],
    vary: [{ key: 'vary', value: 'Origin' }],
  },
  body: `${JSON.stringify({ error: 'overloaded', id })}\n`,
});

// Key sets, out of band (only where the configuration asks for it) ------------------------------------------------------

const fetched = (refresh?.urls ?? []).map(() => Date.now());
/** Of a key set's answer, in bytes; and how long it may take. */
const MOST_BYTES = 64 << 10;
const WITHIN = 3000;

/** Begins what is due; no request waits for it. The instance may sleep between requests: then it ends during a later one. */
function refreshKeys() {
  refresh.urls.forEach((url, issuer) => {
    if (!url || Date.now() - fetched[issuer] < refresh.seconds * 1000) return;
    fetched[issuer] = Date.now();
    fetchKeys(url)
      .then((jwks) => replace(issuer, jwks) && published.set(issuer, jwks))
      .catch((error) => console.error(JSON.stringify({ issuer, error: `keys not refreshed: ${error.message}` })));
  });
}

async function fetchKeys(url) {
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(WITHIN) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const parts = [];
  let size = 0;
  for await (const part of answer.body) {
    size += part.length;
    if (size > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Takes a key set into use, or keeps the old one and says why. */
function replace(issuer, jwks) {
  const before = keys[issuer].map(({ key }) => key);
  if (wasm.replace_keys(issuer, ...give(jwks)) !== 1) throw new Error(said());
  const sets = JSON.parse(said());
  try {
    keys = keyObjects(sets);
  } catch (error) {
    // What OpenSSL cannot read, nothing verifies with: back to what was.
    const old = { keys: before.map((key) => key.export({ format: 'jwk' })) };
    wasm.replace_keys(issuer, ...give(Buffer.from(JSON.stringify(old))));
    said();
    throw error;
  }
  return true;
}

start();
