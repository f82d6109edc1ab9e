import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAlive, isFresh, known, renewAt } from '../src/token';

const jwt = (claims: unknown) => `eyJ9.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

test('the end is read from the token, unless it is given', () => {
  assert.deepEqual(known(jwt({ exp: 2000, name: '??>>~~ÿ' }), 1000), { token: jwt({ exp: 2000, name: '??>>~~ÿ' }), until: 2000, since: 1000 });
  assert.equal(known({ token: jwt({ exp: 2000 }), expiresAt: 1500 }, 1000)?.until, 1500);
  assert.equal(known({ token: jwt({ exp: 2000 }) }, 1000)?.until, 2000);
  assert.equal(known('opaque', 1000)?.until, undefined);
  assert.equal(known(jwt({}), 1000)?.until, undefined);
  assert.equal(known('a.%%%.c', 1000)?.until, undefined);
});

for (const nothing of [null, undefined, '', 'null', 'undefined', 'a b', 'a\r\nb', 'é', { token: '' }, { token: 'null' }] as never[]) {
  test(`never sent: ${JSON.stringify(nothing)}`, () => assert.equal(known(nothing, 1000), undefined));
}

test('a token is renewed before its end', () => {
  const pass = { until: 1600, since: 1000 };
  assert.equal(renewAt(pass, 30), 1570);
  assert.equal(isFresh(pass, 1569, 30), true);
  assert.equal(isFresh(pass, 1571, 30), false);
  assert.equal(isAlive(pass, 1599), true);
  assert.equal(isAlive(pass, 1600), false);
});

test('a short-lived one in the last quarter of its life', () => assert.equal(renewAt({ until: 1020, since: 1000 }, 30), 1015));

test('without an end it is used until it is rejected', () => {
  assert.equal(isFresh({ since: 1000 }, 9e9, 30), true);
  assert.equal(isAlive({ since: 1000 }, 9e9), true);
});

test('on a clock that runs ahead each token is used for a while: no storm of questions', () => {
  assert.equal(isFresh({ until: 900, since: 1000 }, 1004, 30), true);
  assert.equal(isFresh({ until: 900, since: 1000 }, 1006, 30), false);
});
