// What the rows of `cases/` do not ask: heads of answers, what goes on to the origin, CloudFront's own way of handing requests over.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask, bearer, engines, render, site, store, token } from './site.mjs';

const code = render();
const good = () => bearer(token({ workspace: 'w' }));
const app = { origin: { value: 'https://app.example.com' } };

for (const engine of Object.keys(engines)) describe(engine, () => {
  const answer = ask(engines[engine], code);

  test('an allowed request goes on for the key, without a token', async () => {
    const result = await answer('/files/w/a%2bb%20(1)', {
      headers: { ...good(), range: { value: 'bytes=0-1' } },
      querystring: { prefix: { value: 'x' }, 'list-type': { value: '2' } },
      cookies: { edgepass: { value: 'x' }, other: { value: 'y' } },
    });
    assert.equal(result.uri, '/files/w/a%2Bb%20%281%29');
    assert.deepEqual([result.querystring, result.cookies], [{}, {}]);
    assert.deepEqual(result.headers, { host: 'files.example.com', range: 'bytes=0-1' });
    assert.deepEqual(result.logs, []);
  });

  test('one spelling of every key', async () => {
    const key = "!\"#$%&'()*+,-.:;<=>?@[]^_`{|}~é🙂";
    const result = await answer(`/files/w/${[...Buffer.from(key)].map((byte) => `%${byte.toString(16)}`).join('')}`, { headers: good() });
    assert.match(result.uri, /^\/files\/w\/([A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
    assert.equal(decodeURIComponent(result.uri), `/files/w/${key}`);
    const home = await answer('/index', { headers: bearer(token({ sub: 'ada', iss: 'https://open.example.com', iat: 1 })) });
    assert.equal(home.uri, '/home%20page%20%281%29');
  });

  test('a refusal: status, code, head, log', async () => {
    const { statusCode, headers, body, logs } = await answer('/files/w/a', { headers: app });
    assert.equal(statusCode, 401);
    assert.equal(body, '{"error":"token_missing","id":"id_1-a=="}\n');
    assert.deepEqual(headers, {
      'access-control-allow-credentials': 'true',
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-expose-headers': 'Edgepass-Id, ETag, Content-Range, Accept-Ranges, Content-Length, Content-Disposition',
      'cache-control': 'no-store',
      'content-security-policy': "sandbox; default-src 'none'",
      'content-type': 'application/json',
      'cross-origin-resource-policy': 'same-site',
      'edgepass-id': 'id_1-a==',
      'referrer-policy': 'no-referrer',
      vary: 'Origin',
      'www-authenticate': 'Bearer',
      'x-content-type-options': 'nosniff',
    });
    assert.deepEqual(logs, [{ id: 'id_1-a==', path: '/files/w/a', code: 'token_missing', reason: 'token_missing' }]);
  });

  test('a refusal says what its status asks for, and nobody reads it who may not', async () => {
    const invalid = await answer('/files/w/a', { headers: { ...bearer('x'), origin: { value: 'https://evil.example' } } });
    assert.equal(invalid.headers['www-authenticate'], 'Bearer error="invalid_token"');
    assert.equal(invalid.headers['access-control-allow-origin'], undefined);
    const method = await answer('/files/w/a', { method: 'PUT', headers: good() });
    assert.deepEqual([method.statusCode, method.headers.allow, method.error], [405, 'GET, HEAD, OPTIONS', 'method_not_allowed']);
    assert.equal(method.headers['www-authenticate'], undefined);
    const head = await answer('/files/w/a', { method: 'HEAD' });
    assert.deepEqual([head.statusCode, head.body], [401, undefined]);
  });

  test('no token, in whole or in part, is logged', async () => {
    const text = token({ workspace: 'other' });
    const { logs } = await answer('/files/w/a', { headers: bearer(text), querystring: { authorization: { value: text } } });
    assert.equal(logs[0].reason, 'path_not_covered');
    assert.ok(!JSON.stringify(logs).includes(text.slice(0, 12)));
  });

  test('a preflight needs no token and no good path', async () => {
    for (const [uri, origin, allowed] of [
      ['/files/w/a', 'https://admin.example.com', 'https://admin.example.com'],
      ['/public/a', 'https://evil.example', '*'],
      ['/files/w/a', 'https://evil.example', undefined],
      ['/a//b', 'https://app.example.com', 'https://app.example.com'],
      ['/%ff', 'https://evil.example', undefined],
      ['/nowhere', 'null', undefined],
    ]) {
      const { statusCode, headers, body, logs } = await answer(uri, { method: 'OPTIONS', headers: { origin: { value: origin } } });
      assert.equal(statusCode, 204);
      assert.equal(headers['access-control-allow-origin'], allowed, `${uri} ${origin}`);
      assert.equal(headers['access-control-allow-methods'], allowed && 'GET, HEAD, OPTIONS');
      assert.equal(headers['access-control-allow-headers'], allowed && 'Authorization, Range, If-Range, Content-Type');
      assert.equal(headers['access-control-max-age'], allowed && '7200');
      assert.equal(headers['access-control-allow-credentials'], allowed && allowed !== '*' ? 'true' : undefined);
      assert.deepEqual([headers.allow, headers.vary, body, logs], ['GET, HEAD, OPTIONS', 'Origin', undefined, []]);
    }
  });

  test('pages of every origin may read refusals of a route that says so', async () => {
    const { headers, error } = await answer(`/public/${'k'.repeat(1018)}`, { headers: { origin: { value: 'https://evil.example' } } });
    assert.equal(error, 'uri_too_long');
    assert.equal(headers['access-control-allow-origin'], undefined); // no route: the path has no meaning
    const conflict = await answer('/public/a', {
      headers: { origin: { value: 'https://evil.example' } },
      querystring: { authorization: { value: 'a', multiValue: [{ value: 'a' }, { value: 'b' }] } },
    });
    assert.deepEqual([conflict.error, conflict.headers['access-control-allow-origin']], ['token_conflict', '*']);
  });

  test('tokens as CloudFront hands them over', async () => {
    const text = token({ workspace: 'w' });
    const forged = token({ workspace: 'w' }, { key: Buffer.alloc(48) });
    const all = (...list) => ({ value: list[0], multiValue: list.map((value) => ({ value })) });
    for (const [name, request, outcome] of [
      ['a name with escapes', { querystring: { '%61uthorization': { value: text } } }, 'goes on'],
      ['a name with a capital', { querystring: { Authorization: { value: text } } }, 'token_missing'],
      ['a value with escapes', { querystring: { authorization: { value: text.replaceAll('.', '%2E') } } }, 'goes on'],
      ['a value that is not UTF-8', { querystring: { authorization: { value: '%ff' } } }, 'bad_request'],
      ['a value with a bad escape', { querystring: { authorization: { value: `${text}%zz` } } }, 'token_invalid'],
      ['a name that is not UTF-8', { headers: good(), querystring: { '%ff': { value: 'x' } } }, 'goes on'],
      ['names of every object', { headers: good(), querystring: { constructor: { value: 'x' }, toString: { value: 'x' } } }, 'goes on'],
      ['twice the same', { querystring: { authorization: all(text, text) } }, 'goes on'],
      ['two spellings, two tokens', { querystring: { authorization: { value: text }, 'authorizatio%6e': { value: forged } } }, 'token_conflict'],
      ['two headers', { headers: { authorization: all(`Bearer ${text}`, `Bearer ${forged}`) } }, 'token_conflict'],
      ['a header with a space that is none', { headers: { authorization: { value: `Bearer \u00a0${text}` } } }, 'token_invalid'],
      ['a cookie in quotes', { cookies: { edgepass: { value: `"${text}"` } } }, 'goes on'],
      ['a cookie with a scope', { cookies: { 'edgepass-w': { value: text } } }, 'goes on'],
      ['a cookie of another name', { cookies: { edgepassw: { value: text }, 'x-edgepass': { value: text } } }, 'token_missing'],
      ['the fourth cookie', { cookies: { edgepass: all(forged, forged), 'edgepass-a': { value: forged }, 'edgepass-b': { value: text } } }, 'goes on'],
      ['the fifth cookie', { cookies: { edgepass: all(forged, forged, forged, forged), 'edgepass-b': { value: text } } }, 'token_invalid'],
    ]) {
      const result = await answer('/files/w/a', request);
      assert.equal(result.error ?? 'goes on', outcome, name);
    }
  });

  test('several tokens: the answer that helps most', async () => {
    const old = { exp: 1000, iat: 900 };
    const of = {
      expired: token({ workspace: 'w', ...old }),
      expiredElsewhere: token({ workspace: 'v', ...old }),
      elsewhere: token({ workspace: 'v' }),
      garbage: 'x.y.z',
    };
    for (const [names, error, reason] of [
      [['garbage', 'elsewhere', 'expired'], 'token_expired', 'token_expired'],
      [['garbage', 'elsewhere', 'expiredElsewhere'], 'forbidden', 'path_not_covered'],
      [['expiredElsewhere', 'garbage'], 'token_expired', 'token_expired'],
      [['garbage', 'expiredElsewhere'], 'token_invalid', 'token_base64'],
    ]) {
      const cookies = Object.fromEntries(names.map((name) => [`edgepass-${name}`, { value: of[name] }]));
      const result = await answer('/files/w/a', { cookies });
      assert.deepEqual([result.error, result.logs[0].reason], [error, reason], names.join());
    }
  });

  test('a secret that is missing, short or odd refuses', async () => {
    for (const [name, key] of [['lost', ''], ['short', Buffer.alloc(31, 7)]]) {
      const text = token({ workspace: 'w', iss: `https://${name}.example.com` }, { key });
      const { error, logs } = await answer('/files/w/a', { headers: bearer(text) });
      assert.deepEqual([error, logs[0].reason], ['token_invalid', 'token_unknown_key'], name);
    }
    const odd = ask(engines[engine], code, { ...store, app: '????' });
    assert.equal((await odd('/files/w/a', { headers: bearer(token({ workspace: 'w' }, { key: '' })) })).error, 'token_invalid');
  });

  test('only the bucket that CloudFront asks', async () => {
    const year = bearer(token({ year: 2026 }));
    assert.equal((await answer('/years/2026', { headers: year })).uri, '/years/2026');
    const other = await answer('/%79ears/2026', { headers: year });
    assert.deepEqual([other.error, other.logs[0].reason], ['forbidden', 'other_behaviour']);
  });

  test('paths that are nobody’s', async () => {
    for (const [uri, error] of [
      ['/_edgepass/session', 'not_found'],
      ['/nowhere', 'forbidden'],
      ['/files/w/a\n/..', 'bad_path'],
      ['/years/2026%0A', 'forbidden'],
      ['/years/9223372036854775808', 'forbidden'],
      [`/long/${'n'.repeat(1015)}`, 'forbidden'],
    ]) {
      const headers = bearer(token({ workspace: 'w', sub: 'ada', year: '2026' }));
      assert.equal((await answer(uri, { headers })).error, error, uri);
    }
  });

  test('JSON is read to the letter', async () => {
    const now = Math.floor(Date.now() / 1000);
    const registered = `"iss":"https://app.example.com","aud":"files","iat":${now},"exp":${now + 600},"workspace":"w"`;
    for (const [json, outcome] of [
      [`{${registered}}`, 'goes on'],
      [` {\t${registered} ,\r\n"x" : [ ] , "y":{ }, "z":[ 1 , -0.5e+3, true,false ,null,"\\u00e9\\\\\\""] } `, 'goes on'],
      [`{${registered},"__proto__":{"workspace":"v"},"constructor":1,"toString":2}`, 'goes on'],
      [`{${registered},"x":"\\ud83d\\ude42"}`, 'goes on'],
      [`{${registered},"x":"\\\\ud83d"}`, 'goes on'],
      [`{${registered},"x":${'['.repeat(23)}${']'.repeat(23)}}`, 'goes on'],
      [`{${registered},"x":${'['.repeat(24)}${']'.repeat(24)}}`, 'token_invalid'],
      ...[
        '"x":"\\ud83d"', '"x":"\\ude42\\ud83d"', '"x":"\\\\\\ud83d"', '"x":"\\x41"', '"x":"a\nb"', '"x":"a', '"x":01', '"x":1.', '"x":.5',
        '"x":+1', '"x":1e', '"x":-', '"x":0x10', '"x":1e400', '"x":NaN', '"x":True', '"x":', '"x"', '"x":[1,]', '"x":[1 2]', '"x":{"a":1,}',
        '"x":{"a":1,"\\u0061":2}', '"x":[1}', '"x":{]', 'x:1', "'x':1", '"x":1,,"y":2', '"exp":9', '"__proto__":1,"__proto__":1', '"x":toString',
      ].map((more) => [`{${registered},${more}}`, 'token_invalid']),
      [`{${registered}}{}`, 'token_invalid'],
      [`[{${registered}}]`, 'token_invalid'],
      [`\ufeff{${registered}}`, 'token_invalid'],
      ['', 'token_invalid'],
      ['{', 'token_invalid'],
      ['{"', 'token_invalid'],
      ['"\\', 'token_invalid'],
    ]) {
      const result = await answer('/files/w/a', { headers: bearer(token({}, { json })) });
      assert.equal(result.error ?? 'goes on', outcome, json);
    }
  });
});

test('a site that needs more is told so', () => {
  const issuers = [{ ...site.issuers[0], algorithms: ['HS256', 'ES256'] }];
  assert.throws(
    () => render({ ...site, issuers, routes: [site.routes[0]] }),
    (error) => error.status === 2 && /^aws_function_algorithm: tokens of the issuer `app`/.test(error.stderr),
  );
  const routes = Array.from({ length: 60 }, (_, n) => ({ ...site.routes[0], name: `r${n}`, path: `/folder${n}/{workspace}/{name...}` }));
  assert.throws(
    () => render({ ...site, routes }),
    (error) => error.status === 2 && /^aws_function_size: .* would have \d+ bytes, \d+ of them this site's rules/.test(error.stderr),
  );
});
