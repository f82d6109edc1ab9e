// CloudFront's runtime for functions (JavaScript runtime 2.0), on Node.js: node function.mjs CODE STORE
//
// CODE is the function's file; STORE a JSON file with the entries of its KeyValueStore, {"name": "value"}. Events (version 1.0,
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html) come over Lambda's Runtime
// API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), what the function gives goes back. It ends when the
// Runtime API is gone.
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { pathToFileURL } from 'node:url';
import { createContext, Script } from 'node:vm';

/** Bytes, each. "Quotas on CloudFront Functions", Amazon CloudFront Developer Guide. */
const MOST_CODE = 10_240;
const MOST_VALUE = 1024;

// What this engine has and the documentation does not list.
const UNLISTED = [
  'AggregateError', 'Atomics', 'BigInt', 'BigInt64Array', 'BigUint64Array', 'FinalizationRegistry', 'Function', 'Intl', 'Iterator',
  'Map', 'Proxy', 'Reflect', 'Set', 'SharedArrayBuffer', 'WeakMap', 'WeakRef', 'WeakSet', 'WebAssembly', 'escape', 'eval', 'unescape',
];
const narrow = new Script(`${JSON.stringify(UNLISTED)}.every((name) => delete globalThis[name])`);
const HASHES = ['md5', 'sha1', 'sha256'];
const ENCODINGS = ['hex', 'base64', 'base64url', undefined];

/** A function of these bytes. `run(event)` gives {result, logs}; every run begins anew, as CloudFront promises nothing else. */
export function load(code, entries) {
  if (Buffer.byteLength(code) > MOST_CODE) throw new Error(`the code has ${Buffer.byteLength(code)} bytes, ${MOST_CODE} are taken`);
  for (const [name, value] of Object.entries(entries)) {
    if (Buffer.byteLength(value) > MOST_VALUE) throw new Error(`the value of ${name} has more than ${MOST_VALUE} bytes`);
  }
  const imports = /^\s*import\s+(\w+)\s+from\s*(['"])(\w+)\2;?/gm;
  const body = code.replace(imports, (_, name, quote, module) => `const ${name} = __modules.${module};`);
  const script = new Script(`'use strict';((__modules, __event) => {${body}\nreturn handler(JSON.parse(__event));})`);
  const instance = () => script.runInContext(context());
  return {
    async run(event) {
      const logs = [];
      const console = { log: (line) => logs.push(String(line)) };
      const result = await script.runInContext(context(console))(modules(entries), JSON.stringify(event));
      return { result: JSON.parse(JSON.stringify(result) ?? 'null'), logs };
    },
    /** For measurements: one instance for all events. */
    resident() {
      const call = instance();
      return (event) => call(modules(entries), JSON.stringify(event));
    },
  };
}

function context(console = { log: () => {} }) {
  const globals = { Buffer, TextDecoder, TextEncoder, atob, btoa, console };
  const context = createContext(globals, { codeGeneration: { strings: false, wasm: false } });
  return narrow.runInContext(context) && context;
}

function modules(entries) {
  const hash = (made) => ({
    update(data) {
      made.update(data);
      return this;
    },
    digest(encoding) {
      if (!ENCODINGS.includes(encoding)) throw new TypeError(`no encoding ${encoding}`);
      return made.digest(encoding);
    },
  });
  const known = (name) => {
    if (!HASHES.includes(name)) throw new TypeError(`no algorithm ${name}`);
    return name;
  };
  const found = (name) => {
    if (!Object.hasOwn(entries, name)) throw new Error(`KeyNotFound: ${name}`);
    return entries[name];
  };
  const formats = { string: String, json: JSON.parse, bytes: Buffer.from };
  const store = {
    get: async (name, { format = 'string' } = {}) => formats[format](found(name)),
    exists: async (name) => Object.hasOwn(entries, name),
    count: async () => Object.keys(entries).length,
  };
  return {
    crypto: {
      createHash: (name) => hash(createHash(known(name))),
      createHmac: (name, key) => hash(createHmac(known(name), key)),
    },
    cloudfront: { kvs: () => store },
  };
}

// The Runtime API --------------------------------------------------------------------------------------------------------

function caller(address) {
  const [host, port] = address.split(':');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const asked = request({ agent, host, port, method, path: `/2018-06-01/runtime/${path}` }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(parts).toString() }));
        answer.on('error', reject);
      });
      asked.on('error', reject);
      asked.end(body);
    });
}

const described = (error) => JSON.stringify({ errorType: error?.name ?? 'Error', errorMessage: String(error?.message ?? error) });

async function serve(call, loaded) {
  for (;;) {
    const { headers, body } = await call('GET', 'invocation/next');
    const id = headers['lambda-runtime-aws-request-id'];
    let outcome;
    try {
      const { result, logs } = await loaded.run(JSON.parse(body));
      for (const line of logs) console.log(line);
      outcome = ['response', JSON.stringify(result) ?? 'null'];
    } catch (error) {
      console.error(error);
      outcome = ['error', described(error)];
    }
    await call('POST', `invocation/${id}/${outcome[0]}`, outcome[1]);
  }
}

async function main([code, store]) {
  const call = caller(process.env.AWS_LAMBDA_RUNTIME_API);
  let loaded;
  try {
    loaded = load(readFileSync(code, 'utf8'), JSON.parse(readFileSync(store, 'utf8')));
  } catch (error) {
    console.error(error);
    await call('POST', 'init/error', described(error));
    process.exit(1);
  }
  await serve(call, loaded).catch((error) => {
    if (!['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error?.code)) throw error;
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv.slice(2));
