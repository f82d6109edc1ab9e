// Times the packaged viewer-request function beside jose and aws-jwt-verify, in one process. See bench/README.md.
//   node run.mjs DIR CASES      DIR: the unpacked edge zip of cases/site.toml; CASES: the folder cases/
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { JwtVerifier } from 'aws-jwt-verify';
import { SignJWT, createLocalJWKSet, importJWK, jwtVerify } from 'jose';

const [directory, cases] = process.argv.slice(2);
const read = (name) => JSON.parse(readFileSync(`${cases}/keys/${name}`, 'utf8'));
const WORKSPACE = '11111111-1111-4111-8111-111111111111';
const PATH = `/${WORKSPACE}/aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa/a.png`;
const ROUNDS = 4000;

const issuers = [
  { name: 'HS256', key: 'legacy', issuer: 'https://legacy.example.com', audience: 'files' },
  { name: 'RS256', key: 'partner-rs', jwks: 'partner', issuer: 'https://partner.example.org/', audience: 'https://files.example.com' },
  { name: 'ES256', key: 'app-1', jwks: 'app', issuer: 'https://app.example.com', audience: 'files' },
  { name: 'EdDSA', key: 'device', jwks: 'device', issuer: 'urn:example:device', audience: 'files' },
];

async function token({ name, key, issuer, audience }) {
  const jwk = read(`${key}.jwk`);
  const claims = { workspace: WORKSPACE, sub: 'ada' };
  const header = { alg: name, typ: 'JWT', ...(jwk.kid && { kid: jwk.kid }) };
  const { pkcs8, note, ...clean } = jwk;
  return new SignJWT(claims)
    .setProtectedHeader(header)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('30m')
    .sign(await importJWK(clean, name));
}

const field = (key, value) => [{ key, value }];
// The headers that a browser sends.
const event = (token) => ({
  Records: [
    {
      cf: {
        config: { distributionId: 'EDFDVBD6EXAMPLE', eventType: 'viewer-request', requestId: '4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==' },
        request: {
          clientIp: '203.0.113.178',
          method: 'GET',
          uri: PATH,
          querystring: '',
          headers: {
            host: field('Host', 'd111111abcdef8.cloudfront.net'),
            accept: field('Accept', 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8'),
            'accept-encoding': field('Accept-Encoding', 'gzip, deflate, br, zstd'),
            'accept-language': field('Accept-Language', 'en-GB,en;q=0.9'),
            authorization: field('Authorization', `Bearer ${token}`),
            origin: field('Origin', 'http://localhost:8080'),
            referer: field('Referer', 'http://localhost:8080/'),
            'user-agent': field('User-Agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'),
          },
        },
      },
    },
  ],
});

async function time(ask) {
  for (let round = 0; round < 500; round++) await ask();
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    await ask();
    times.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(times.length * share)].toFixed(0).padStart(7);
  return `${at(0.5)} ${at(0.99)}`;
}

const { handler } = await import(`${directory}/index.mjs`);
console.log('microseconds a decision: p50, p99 (Edgepass reads the event and judges path and claims as well)');
for (const issuer of issuers) {
  const signed = await token(issuer);
  const allowed = await handler(event(signed));
  if (!allowed.uri) throw new Error(JSON.stringify(allowed));
  console.log(`${issuer.name}  edgepass       ${await time(() => handler(event(signed)))}`);
  const options = { issuer: issuer.issuer, audience: issuer.audience, algorithms: [issuer.name] };
  const key = issuer.jwks ? createLocalJWKSet(read(`${issuer.jwks}.jwks.json`)) : Buffer.from(read('legacy.jwk').k, 'base64url');
  console.log(`${issuer.name}  jose           ${await time(() => jwtVerify(signed, key, options))}`);
  // It wants a `kid` in every token.
  if (issuer.jwks && issuer.name !== 'EdDSA') {
    const verifier = JwtVerifier.create({ issuer: issuer.issuer, audience: issuer.audience, jwksUri: 'https://jwks.example/keys' });
    verifier.cacheJwks(read(`${issuer.jwks}.jwks.json`));
    console.log(`${issuer.name}  aws-jwt-verify ${await time(() => verifier.verify(signed))}`);
  }
}

// From nothing to ready: processes of their own.
const start = "const a = process.hrtime.bigint(); await import(process.argv[1]); console.log(Number(process.hrtime.bigint() - a) / 1e6)";
const starts = Array.from({ length: 15 }, () =>
  Number(execFileSync(process.execPath, ['--input-type=module', '-e', start, `${directory}/index.mjs`]).toString()),
).sort((a, b) => a - b);
console.log(`ready after ${starts[7].toFixed(1)} ms (median of 15 processes; ${starts[0].toFixed(1)} to ${starts[14].toFixed(1)})`);
console.log(`edgepass.wasm ${statSync(`${directory}/edgepass.wasm`).size} bytes`);
