// Decides what it reads by the wasm module, with Node's cryptography. The lines are those of crates/edge-wasm/examples/decide.rs;
// an answer is the decision alone.
//
//     node tests/reference/wasm.mjs EDGEPASS.WASM < lines
import { constants, createHmac, createPublicKey, createSecretKey, timingSafeEqual, verify } from 'node:crypto';
import { readFileSync, writeSync } from 'node:fs';

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
let wasm;
let keys = [];

function give(text) {
  const bytes = Buffer.from(text);
  const address = wasm.alloc(bytes.length);
  new Uint8Array(wasm.memory.buffer, address, bytes.length).set(bytes);
  return [address, bytes.length];
}

const said = () => Buffer.from(wasm.memory.buffer, wasm.out_ptr(), wasm.out_len()).toString();

function open(site) {
  wasm = new WebAssembly.Instance(module, { host: { verify: made } }).exports;
  if (wasm.open(...give(site)) !== 1) return said().replaceAll('\n', ' ');
  keys = JSON.parse(said()).map((set) =>
    set.map((jwk) => ({
      alg: jwk.alg,
      key: jwk.kty === 'oct' ? createSecretKey(jwk.k, 'base64url') : createPublicKey({ key: jwk, format: 'jwk' }),
    })),
  );
  return '';
}

/** RFC 7518 section 3 and RFC 8037 section 3.1. */
function made(issuer, number, message, messageLength, signature, signatureLength) {
  const { alg, key } = keys[issuer][number];
  message = new Uint8Array(wasm.memory.buffer, message, messageLength);
  signature = new Uint8Array(wasm.memory.buffer, signature, signatureLength);
  return signed(alg, key, message, signature) ? 1 : 0;
}

function signed(alg, key, message, signature) {
  if (alg === 'EdDSA') return verify(null, message, key, signature);
  const hash = `sha${alg.slice(2)}`;
  switch (alg.slice(0, 2)) {
    case 'HS': {
      const wanted = createHmac(hash, key).update(message).digest();
      return signature.length === wanted.length && timingSafeEqual(wanted, signature);
    }
    case 'RS':
      return verify(hash, message, key, signature);
    case 'PS':
      return verify(
        hash,
        message,
        { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
        signature,
      );
    case 'ES': {
      const length = { 256: 64, 384: 96, 512: 132 }[alg.slice(2)];
      return signature.length === length && verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, signature);
    }
    default:
      throw new Error(`a key of algorithm ${alg}`);
  }
}

// As it was written: JSON.parse would round numbers.
const SITE = /^\{"site": (.*)\}$/s;
const QUESTION = /^\{"now": (\d+), "question": (.*)\}$/s;

function answer(line) {
  const site = SITE.exec(line);
  if (site) return open(site[1]);
  const asked = QUESTION.exec(line);
  wasm.decide(...give(asked[2]), BigInt(asked[1]));
  return said();
}

let rest = '';
for await (const chunk of process.stdin.setEncoding('utf8')) {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  let bytes = Buffer.from(lines.map((line) => `${answer(line)}\n`).join(''));
  while (bytes.length) bytes = bytes.subarray(write(bytes));
}

/** A pipe that is full takes nothing for now. */
function write(bytes) {
  try {
    return writeSync(1, bytes);
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error;
    return 0;
  }
}
