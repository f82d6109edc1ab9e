// The viewer-request function: CloudFront's event in, the request or an answer out. Every decision is edgepass.wasm's; here are
// what it asks of a host (the time, signatures by OpenSSL) and CloudFront's form of a result.
//
// The module and its settings are loaded when the function starts (Lambda@Edge has no environment variables). Nothing is awaited
// on the way of a request, unless the configuration says `refresh_keys`: then one request a period waits for the key sets.
import { constants, createHmac, createPublicKey, createSecretKey, timingSafeEqual, verify } from 'node:crypto';
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

/** For each issuer its keys, and how each verifies: a key has one algorithm for life, and no token chooses it. OpenSSL refuses
 *  points that are not on their curve: that ends the start or the refresh. */
function keyObjects(sets) {
  return sets.map((set) =>
    set.map((jwk) => {
      const key = jwk.kty === 'oct' ? createSecretKey(jwk.k, 'base64url') : createPublicKey({ key: jwk, format: 'jwk' });
      const verifies = VERIFIERS.get(jwk.alg);
      return (message, signature) => verifies?.(key, message, signature) === true;
    }),
  );
}

const hmac = (hash) => (key, message, signature) => {
  const tag = createHmac(hash, key).update(message).digest();
  return signature.length === tag.length && timingSafeEqual(tag, signature);
};
// OpenSSL takes a PSS signature whose leading zero bytes are missing: the length is the modulus's (RFC 8017 section 8.1.2).
const rsa = (hash, padding) => (key, message, signature) =>
  signature.length === Math.ceil(key.asymmetricKeyDetails.modulusLength / 8) && verify(hash, message, { key, ...padding }, signature);
// A salt of the hash's length (RFC 7518 section 3.5).
const pss = (hash, saltLength) => rsa(hash, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
const ecdsa = (hash, length) => (key, message, signature) =>
  signature.length === length && verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, signature);

/** RFC 7518 section 3.1 and RFC 8037. A key of any other algorithm verifies nothing. */
const VERIFIERS = new Map([
  ['HS256', hmac('sha256')],
  ['HS384', hmac('sha384')],
  ['HS512', hmac('sha512')],
  ['RS256', rsa('sha256')],
  ['RS384', rsa('sha384')],
  ['RS512', rsa('sha512')],
  ['PS256', pss('sha256', 32)],
  ['PS384', pss('sha384', 48)],
  ['PS512', pss('sha512', 64)],
  ['ES256', ecdsa('sha256', 64)],
  ['ES384', ecdsa('sha384', 96)],
  ['ES512', ecdsa('sha512', 132)],
  ['EdDSA', (key, message, signature) => verify(null, message, key, signature)],
]);

/** Whether this key made this signature. */
function made(issuer, number, message, messageLength, signature, signatureLength) {
  message = new Uint8Array(wasm.memory.buffer, message, messageLength);
  signature = new Uint8Array(wasm.memory.buffer, signature, signatureLength);
  return keys[issuer][number](message, signature) ? 1 : 0;
}

const encoder = new TextEncoder();

function decide(id, { method, uri, querystring, headers, clientIp }) {
  const question = encoder.encode(JSON.stringify({ id, method, uri, querystring, headers, clientIp }));
  wasm.decide(...give(question), BigInt(Math.floor(Date.now() / 1000)));
  return JSON.parse(said());
}

export async function handler(event) {
  const { config, request } = event?.Records?.[0]?.cf ?? {};
  const id = String(config?.requestId ?? '');
  if (refresh) await refreshKeys();
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

/** When each issuer's set is to be asked for; the first time by an instance's first request, since its package may be old. */
const due = (refresh?.urls ?? []).map(() => 0);
/** Of a key set's answer, in bytes. */
const MOST_BYTES = 64 << 10;
/** Milliseconds that the one request which finds it due waits for the answer; and until another try after a failure. Lambda
 *  stops the process between requests, so that a fetch for which nobody waited would not end. */
const WITHIN = 1000;
const AGAIN = Math.min(60_000, (refresh?.seconds ?? 0) * 1000);

async function refreshKeys() {
  const now = Date.now();
  await Promise.all(
    refresh.urls.map(async (url, issuer) => {
      if (!url || now < due[issuer]) return;
      due[issuer] = now + AGAIN;
      try {
        const jwks = await fetchKeys(url);
        replace(issuer, jwks);
        published.set(issuer, jwks);
        due[issuer] = now + refresh.seconds * 1000;
      } catch (error) {
        console.error(JSON.stringify({ issuer, error: `keys not refreshed: ${error.message}` }));
      }
    }),
  );
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

/** Takes a key set into use that both can read, wasm and OpenSSL; else throws, and the old one stays. */
function replace(issuer, jwks) {
  if (wasm.read_keys(issuer, ...give(jwks)) !== 1) throw new Error(said());
  const [fresh] = keyObjects([JSON.parse(said())]);
  wasm.replace_keys(issuer, ...give(jwks));
  keys[issuer] = fresh;
}

start();
