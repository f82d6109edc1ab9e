// Times the module that verifies signatures itself: in Node.js, and in workerd. See bench/README.md.
//   node worker.mjs DIR SITE WORKERD     DIR: target/worker; SITE: a site.json of cases/site.toml; WORKERD: its binary
import { execFileSync, spawn } from 'node:child_process';
import { constants, createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [directory, siteFile, workerd] = process.argv.slice(2);
const WORKSPACE = '11111111-1111-4111-8111-111111111111';
const URI = `/${WORKSPACE}/aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa/a.png`;
const ALGORITHMS = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const PORT = 18431;

const b64 = (value) => Buffer.from(typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value)).toString('base64url');

function pair(algorithm) {
  const hash = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith('HS')) {
    const secret = randomBytes(64);
    return [{ kty: 'oct', k: b64(secret) }, (message) => createHmac(hash, secret).update(message).digest()];
  }
  const curve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[algorithm];
  const { publicKey, privateKey: key } = curve
    ? generateKeyPairSync('ec', { namedCurve: curve })
    : algorithm === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const options = { dsaEncoding: 'ieee-p1363', ...(algorithm.startsWith('PS') && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(algorithm.slice(2)) / 8 }) };
  return [publicKey.export({ format: 'jwk' }), (message) => sign(algorithm === 'EdDSA' ? null : hash, message, { key, ...options })];
}

/** The site with one issuer for each algorithm, and a question for each. */
function prepare() {
  const site = JSON.parse(readFileSync(siteFile));
  const [pattern] = site.site.issuers;
  const questions = {};
  site.site.issuers = [];
  site.keys = [];
  for (const algorithm of ALGORITHMS) {
    const [jwk, made] = pair(algorithm);
    const issuer = `https://${algorithm}.example.com`;
    site.site.issuers.push({ ...pattern, name: algorithm, issuer, algorithms: [algorithm], may: ['read'] });
    site.keys.push([{ ...jwk, alg: algorithm, kid: 'one' }]);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: pattern.audiences[0], sub: 'ada', workspace: WORKSPACE, iat: now, exp: now + 1800 };
    const message = `${b64({ alg: algorithm, kid: 'one', typ: 'JWT' })}.${b64(claims)}`;
    const fields = { accept: '*/*', 'accept-encoding': 'gzip, br', authorization: `Bearer ${message}.${b64(made(message))}`, host: 'files.example.com', 'user-agent': 'Mozilla/5.0' };
    const headers = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, [{ value }]]));
    questions[algorithm] = { id: 'bench', method: 'GET', uri: URI, querystring: '', headers };
  }
  // Only rules that name no issuer: the others would name one that is gone.
  site.site.routes = site.site.routes.slice(0, 1).map((route) => ({ ...route, allow: route.allow.filter((rule) => !rule.issuer && rule.issuer !== 0).slice(0, 1), upload: null }));
  return [JSON.stringify(site), questions];
}

const [site, questions] = prepare();
const { Authorizer } = await import(`${directory}/authorizer.mjs`);
const wasm = readFileSync(`${directory}/edgepass-pure.wasm`);

/** Processor time, which other work on the machine hardly changes: a decision's, in microseconds. */
function inNode(authorizer, question) {
  for (let round = 0; round < 50; round++) authorizer.decide(question);
  const before = process.cpuUsage();
  let count = 0;
  let used = 0;
  for (; used < 500_000; count++) {
    if (!authorizer.decide(question).pass) throw new Error(question.id);
    const { user, system } = process.cpuUsage(before);
    used = user + system;
  }
  return used / count;
}

const folder = mkdtempSync(join(tmpdir(), 'edgepass-bench-'));
cpSync(directory, folder, { recursive: true });
writeFileSync(join(folder, 'site.json'), site);
writeFileSync(join(folder, 'questions.json'), JSON.stringify(questions));
// A worker's clock stands still while it computes: it is timed from outside, by how much longer many decisions take than none.
writeFileSync(
  join(folder, 'bench.mjs'),
  `import module from './edgepass-pure.wasm';
import site from './site.json';
import questions from './questions.json';
import { Authorizer } from './authorizer.mjs';
const authorizer = new Authorizer(module, site);
const asked = JSON.parse(questions);
export default { async fetch(request) {
  const { searchParams } = new URL(request.url);
  let decision = {};
  for (let left = Number(searchParams.get('n')); left > 0; left--) decision = authorizer.decide(asked[searchParams.get('alg')]);
  return Response.json(decision);
} };`,
);
writeFileSync(
  join(folder, 'bench.capnp'),
  `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (compatibilityDate = "2026-11-01", modules = [
    (name = "bench.mjs", esModule = embed "bench.mjs"), (name = "authorizer.mjs", esModule = embed "authorizer.mjs"),
    (name = "edgepass-pure.wasm", wasm = embed "edgepass-pure.wasm"), (name = "site.json", text = embed "site.json"),
    (name = "questions.json", text = embed "questions.json")]))],
  sockets = [(name = "http", address = "127.0.0.1:${PORT}", http = (), service = "main")]);`,
);

async function startWorkerd() {
  const start = process.hrtime.bigint();
  const child = spawn(workerd, ['serve', join(folder, 'bench.capnp')], { stdio: 'inherit' });
  for (;;) {
    try {
      await (await fetch(`http://127.0.0.1:${PORT}/?n=0`)).text();
      return [child, Number(process.hrtime.bigint() - start) / 1e6];
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

/** Of a process, in microseconds; Linux counts hundredths of a second. */
function processorTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function inWorkerd(pid, algorithm, count) {
  const ask = async (n) => (await fetch(`http://127.0.0.1:${PORT}/?alg=${algorithm}&n=${n}`)).json();
  await ask(50);
  const before = processorTime(pid);
  if (!(await ask(count)).pass) throw new Error(algorithm);
  return (processorTime(pid) - before) / count;
}

const authorizer = new Authorizer(new WebAssembly.Module(wasm), site);
const [child, ready] = await startWorkerd();
// The engine compiles wasm a second time, better, once it is used much; that is not to be counted.
for (let round = 0; round < 20_000; round++) authorizer.decide(questions.HS256);
await inWorkerd(child.pid, 'HS256', 20_000);
console.log('microseconds of processor time a decision: in Node.js, in workerd');
for (const algorithm of ALGORITHMS) {
  const node = inNode(authorizer, questions[algorithm]);
  const worker = await inWorkerd(child.pid, algorithm, Math.ceil(700_000 / node));
  console.log(`${algorithm}  ${node.toFixed(0).padStart(6)} ${worker.toFixed(0).padStart(6)}`);
}
child.kill();

// From nothing to the first decision: processes of their own.
const first = `import { readFileSync } from 'node:fs'; const used = (since) => { const { user, system } = process.cpuUsage(since); return (user + system) / 1000; };
const a = process.cpuUsage();
const { Authorizer } = await import('${folder}/authorizer.mjs');
const it = new Authorizer(new WebAssembly.Module(readFileSync('${folder}/edgepass-pure.wasm')), readFileSync('${folder}/site.json', 'utf8'));
const b = process.cpuUsage(); const ready = used(a); it.decide(JSON.parse(readFileSync('${folder}/questions.json'))[process.argv[1]]);
console.log(ready, used(b));`;
for (const algorithm of ['HS256', 'RS256', 'ES256', 'ES512', 'EdDSA']) {
  const runs = Array.from({ length: 7 }, () => execFileSync(process.execPath, ['--input-type=module', '-e', first, algorithm]).toString().split(' ').map(Number));
  const median = (column) => runs.map((run) => run[column]).sort((a, b) => a - b)[3].toFixed(1);
  console.log(`Node.js, processor time: ready after ${median(0)} ms, the first ${algorithm} decision ${median(1)} ms`);
}
console.log(`workerd, from nothing to the first answer: ${ready.toFixed(0)} ms`);
console.log(`edgepass-pure.wasm ${statSync(`${directory}/edgepass-pure.wasm`).size} bytes`);
rmSync(folder, { recursive: true });
