// The function of a small site, rendered, and what the tests ask it with.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { load } from '../../../crates/cloudfront/runtime/function.mjs';

export const source = readFileSync(new URL('../../../crates/aws/src/function/viewer-request.js', import.meta.url), 'utf8');

const read = (claims, issuer = null) => ({ action: 'read', issuer, who: { claims: Object.entries(claims) } });
const route = (name, path, allow, more = {}) => ({ name, path, bucket: 0, key: null, allow, upload: null, any_origin: false, ...more });
const issuer = (name, more = {}) => ({
  name, issuer: `https://${name}.example.com`, audiences: ['files'], algorithms: ['HS256'], may: ['read'], max_age: 3600, leeway: 30, ...more,
});

export const site = {
  origin: 'https://files.example.com',
  apps: ['https://app.example.com', 'https://admin.example.com'],
  carriers: ['header', { cookie: 'edgepass' }, { query: 'authorization' }],
  issuers: [issuer('app'), issuer('open', { max_age: null }), issuer('lost'), issuer('short')],
  routes: [
    route('files', '/files/{workspace}/{name...}', [read({ workspace: ['{workspace}'] })]),
    route('public', '/public/{name...}', [{ action: 'read', issuer: null, who: 'anyone' }], { any_origin: true }),
    route('years', '/years/{year:int}', [read({ year: ['{year}'] })], { bucket: 1 }),
    route('one', '/index', [read({ sub: ['ada'] }, 1)], { key: 'home page (1)' }),
    route('long', '/long/{name}', [read({ sub: ['ada'] })], { key: 'long-names/{name}' }),
  ],
};

/** The rendered code; of another site, or the faults thrown. */
export function render(settings = site, buckets = ['main', 'second']) {
  // Made by `cargo build --release --workspace --examples`.
  const target = process.env.CARGO_TARGET_DIR ?? 'target';
  const input = JSON.stringify({ site: settings, buckets });
  return execFileSync(`${target}/release/examples/function`, { input, cwd: new URL('../../..', import.meta.url), encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}

export const secret = Buffer.alloc(48, 7);
export const store = {
  app: secret.toString('base64'),
  open: secret.toString('base64'),
  short: Buffer.alloc(31, 7).toString('base64'),
};

const base64url = (text) => Buffer.from(text).toString('base64url');

/** A token of these claims; `json` is their text itself. */
export function token(claims = {}, { key = secret, json } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const all = { iss: 'https://app.example.com', aud: 'files', iat: now - 10, exp: now + 600, ...claims };
  const message = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(json ?? JSON.stringify(all))}`;
  return `${message}.${createHmac('sha256', key).update(message).digest('base64url')}`;
}

export const bearer = (text) => ({ authorization: { value: `Bearer ${text}` } });

export function event(uri, { method = 'GET', headers = {}, querystring = {}, cookies = {} } = {}) {
  return {
    version: '1.0',
    context: { distributionDomainName: 'd1.cloudfront.net', distributionId: 'E1', eventType: 'viewer-request', requestId: 'id_1-a==' },
    viewer: { ip: '198.51.100.11' },
    request: { method, uri, querystring, headers: { host: { value: 'files.example.com' }, ...headers }, cookies },
  };
}

const here = (name) => new URL(name, import.meta.url);

/** The engines to ask: Node.js, and njs where it is installed (Debian's package `njs`). */
export const engines = {
  node: async (code, entries, event) => load(code, entries).run(event),
  ...(spawnSync('njs', ['-v']).status === 0 && { njs: runInNjs }),
};

async function runInNjs(code, entries, event) {
  const directory = mkdtempSync(join(tmpdir(), 'function-'));
  writeFileSync(join(directory, 'code.js'), code + readFileSync(here('njs_end.js')));
  copyFileSync(here('njs_store.js'), join(directory, 'cloudfront'));
  writeFileSync(join(directory, 'store'), JSON.stringify(entries));
  writeFileSync(join(directory, 'events'), JSON.stringify(event));
  const lines = execFileSync('njs', ['-q', '-p', '.', 'code.js'], { cwd: directory, encoding: 'utf8' }).trim().split('\n');
  const { result, error } = JSON.parse(lines.pop().replace(/^OUTCOME /, ''));
  if (error) throw new Error(error);
  return { result, logs: lines };
}

/** Asks the function for what it makes of a request; names of headers with their values, `error` is the public code. */
export function ask(run, code = render(), entries = store) {
  return async (...args) => {
    const { result, logs } = await run(code, entries, event(...args));
    const headers = Object.fromEntries(Object.entries(result.headers).map(([name, { value }]) => [name, value]));
    return { ...result, headers, logs: logs.map((line) => JSON.parse(line)), error: result.body && JSON.parse(result.body).error };
  };
}
