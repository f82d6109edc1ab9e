import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, match } from '../src/rules';

const FILES = 'https://files.example.com';
// What every browser says of itself.
Object.assign(globalThis, { location: new URL('https://app.example.com/') });
const rules = compile([
  { pattern: `${FILES}/public/{name...}`, scope: 'public' },
  { pattern: `${FILES}/{workspace}/{file}/{name*}`, scope: 'ws-{workspace}', fallback: ['account'] },
]);
const scopes = (url: string) => match(rules, url)?.scopes;

test('scopes are filled from the path, fallbacks follow, the first rule counts', () => {
  assert.deepEqual(scopes(`${FILES}/w1/f1/a.png`), ['ws-w1', 'account']);
  assert.deepEqual(scopes(`${FILES}/w1/f1/deep/a.png?v=2#x`), ['ws-w1', 'account']);
  assert.deepEqual(scopes(`${FILES}/w%201/f1/%C3%A9.png`), ['ws-w 1', 'account']);
  assert.deepEqual(scopes(`${FILES}/public/a/b`), ['public']);
  assert.deepEqual(scopes('https://FILES.example.com:443/w1/f1/a'), ['ws-w1', 'account']);
});

const foreign = {
  'other port': 'https://files.example.com:8443/w1/f1/a',
  'http for https': 'http://files.example.com/w1/f1/a',
  'our name as a prefix': 'https://files.example.com.evil/w1/f1/a',
  'our name as a suffix': 'https://evilfiles.example.com/w1/f1/a',
  'a name below ours': 'https://x.files.example.com/w1/f1/a',
  'a final dot': 'https://files.example.com./w1/f1/a',
  'our name as the user': 'https://files.example.com@evil.example/w1/f1/a',
  'our name as the user, by backslash': 'https://evil.example\\@files.example.com/w1/f1/a',
  'a user before our name': 'https://user@files.example.com/w1/f1/a',
  'a user and a password': 'https://user:pw@files.example.com/w1/f1/a',
  'our name in the path': 'https://evil.example/files.example.com/w1/f1/a',
  'our URL in the query': `https://evil.example/?u=${FILES}/w1/f1/a`,
  'our URL in the fragment': `https://evil.example/#${FILES}/w1/f1/a`,
  'another letter that looks alike': 'https://f\u0456les.example.com/w1/f1/a',
  'a blob of ours': `blob:${FILES}/w1/f1/a`,
  'no URL': 'w1/f1/a',
  'a link, which needs no token': `${FILES}/w1/f1/a?link=x`,
};
for (const [name, url] of Object.entries(foreign)) test(`not ours: ${name}`, () => assert.equal(match(rules, url), undefined));

const unclear = {
  'encoded slash': '/w1/f1%2Fa/b',
  'encoded slash, lower case': '/w1%2ff1/a/b',
  'encoded backslash': '/w1/f1/a%5Cb',
  'encoded NUL': '/w1/f1/a%00',
  'empty segment': '/w1//a',
  'empty last segment': '/w1/f1/',
  'no UTF-8': '/w1/f1/%FF',
  'half an escape': '/w1/f1/%E',
  'too short': '/w1/f1',
  'up, to too short': '/w1/f1/x/../../a',
  'up, encoded': '/w1/f1/a/%2e%2e/%2E%2E',
  'the gateway itself': '/_edgepass/session/x',
  'the gateway itself, encoded': '/%5Fedgepass/session/x',
  'prefix of a literal': '/public',
};
for (const [name, path] of Object.entries(unclear)) test(`not ours: ${name}`, () => assert.equal(match(rules, FILES + path), undefined));

test('a literal is whole segments', () => assert.deepEqual(scopes(`${FILES}/publicity/x/y`), ['ws-publicity', 'account']));

test('a pattern is taken as it is, never as an expression', () => {
  const odd = compile([{ pattern: `${FILES}/a.b(c)+/{x}`, scope: 's' }]);
  assert.ok(match(odd, `${FILES}/a.b(c)+/1`));
  assert.equal(match(odd, `${FILES}/aXb(c)+/1`), undefined);
  assert.equal(match(odd, `${FILES}/a.bc/1`), undefined);
});

for (const pattern of [
  'files.example.com/{x}',
  '/{x}',
  `${FILES}`,
  `${FILES}/`,
  `${FILES}/{x}/`,
  `${FILES}//{x}`,
  `${FILES}/{x...}/{y}`,
  `${FILES}/a{x}`,
  `${FILES}/{}`,
  `${FILES}/*`,
  `${FILES}/{x}?a=b`,
  'https://user@files.example.com/{x}',
  'https://*.example.com/{x}/{x}',
  'ftp://files.example.com/{x}',
]) {
  test(`refused: ${pattern}`, () => assert.throws(() => compile([{ pattern, scope: 's' }])));
}

test('refused: two origins', () => {
  const two = [`${FILES}/{x}`, 'https://other.example.com/{x}'].map((pattern) => ({ pattern, scope: 's' }));
  assert.throws(() => compile(two), TypeError);
});
