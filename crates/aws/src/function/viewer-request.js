// Answers at viewer-request, before CloudFront's cache: who may read which object. The rules are those of the `authorizer`
// crate and the answers those of the `front` crate, for sites whose issuers all sign with HS256.
//
// Written to CloudFront's JavaScript runtime 2.0 (Developer Guide, "JavaScript runtime 2.0 features"): ECMAScript 5.1,
// `const`, `let`, arrow functions, `async` functions, and the methods that the page lists. `minify.rs` says what else it
// relies on.
//
// Its regular expressions are Perl's: `$` also matches in front of a last line break. None is used; `whole` compares.
//
// A fault is thrown as a text: the public code, and the reason where it is another. Anything else that is thrown is a
// mistake of ours, and CloudFront answers 503 for it.
import crypto from 'crypto';
import cf from 'cloudfront';

// The secret of each issuer by its name, in base64: not in the code, which every reader of the template could see.
const store = cf.kvs();

// The site's rules, written by `rules.rs`. What is left out is undefined.
// apps     origins whose pages may read answers
// policy   `Cross-Origin-Resource-Policy`
// header   whether `Authorization` carries tokens
// query    names of parameters that carry tokens
// cookie   the cookie's name
// issuers  {name, iss, aud, reads: whether it may, leeway, age: the most after `iat`}, times in seconds
// buckets  [path, whether all beneath it, bucket]: the behaviours, where not all are the first bucket's
// routes   {segments, rows, key, bucket, any: whether every page may read}, the most special first
//   segments  a literal's text, or a placeholder's type by its number in `kinds`; 4 any one segment, 5 all that is left
//   rows      {issuer, tests: [[names to walk], [values of which one is wanted]]…}; undefined where anyone may
// In texts `{0}` is the first placeholder. A value is a text, a boolean, {n: a number's text}, or {t: a text's or number's}.
const site = {};

const methods = 'GET, HEAD, OPTIONS';

// Of the public codes that are not 401.
const statuses = {
  bad_request: 400, bad_path: 400, token_conflict: 400, forbidden: 403, not_found: 404, method_not_allowed: 405,
  uri_too_long: 414
};

// UUID, int, date, slug.
const kinds = [
  /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/i,
  /0|[1-9][0-9]{0,18}/,
  /[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])/,
  /[a-z0-9]+(-[a-z0-9]+)*/
];

// The runtime has no `await` in an argument and no functions made in async functions, and `njs`, its kin, loses variables of
// an async function that has caught something before its first `await`: so such functions do next to nothing.
async function handler(event) {
  const asked = { event: event, route: {} };
  const early = attempt(admit, asked, refuse);
  if (early) return early;
  const secrets = await findSecrets(asked.tokens);
  asked.secrets = secrets;
  return attempt(authorise, asked, refuse);
}

// In base64, one for each token; '' where the store has none.
async function findSecrets(tokens) {
  const found = [];
  for (let i = 0; i < tokens.length; i++) {
    const secret = await findSecret(tokens[i]);
    found.push(secret);
  }
  return found;
}

async function findSecret(token) {
  if (token.fault) return '';
  try {
    const secret = await store.get(token.issuer.name);
    return secret;
  } catch (error) {
    return '';
  }
}

function attempt(step, subject, otherwise) {
  try {
    return step(subject);
  } catch (fault) {
    if (!isText(fault)) throw fault;
    return otherwise(subject, fault);
  }
}

// An answer at once, or nothing: then `asked` has what there is to judge.
function admit(asked) {
  const request = asked.event.request;
  if (request.method === 'OPTIONS') {
    asked.route = attempt(uri => find(decodePath(uri)), request.uri, () => ({}));
    return answer(asked, 204, { allow: methods });
  }
  // Another behaviour's, which has no function.
  if (request.uri.startsWith('/_edgepass/')) throw 'not_found no_such_endpoint';
  if (request.method !== 'GET' && request.method !== 'HEAD') throw 'method_not_allowed';
  asked.objectPath = decodePath(request.uri);
  asked.route = find(asked.objectPath);
  const tokens = findTokens(request);
  asked.tokens = asked.route.rows ? tokens.map(open) : [];
}

// Of several tokens that fail, the answer that helps most: one that has only expired, then one that is valid but does not
// cover the path, then the first that is no good at all (`authorizer::Rules::allow`).
function authorise(asked) {
  if (!asked.route.rows) return forward(asked);
  let expired = '';
  let forbidden = '';
  let invalid = '';
  for (let i = 0; i < asked.tokens.length; i++) {
    const token = asked.tokens[i];
    const broken = token.fault || verify(token, asked.secrets[i]);
    const fault = broken || check(token);
    const uncovered = broken || findUncovered(asked.route, token);
    const isOver = fault === 'token_expired' || fault === 'token_too_old';
    if (!fault && !uncovered) return forward(asked);
    if (!fault) forbidden = forbidden || 'forbidden ' + uncovered;
    else if (isOver && !uncovered) expired = expired || 'token_expired ' + fault;
    else invalid = invalid || (isOver ? 'token_expired ' : 'token_invalid ') + fault;
  }
  throw expired || forbidden || invalid || 'token_missing';
}

// The path of the object, decoded once, with one meaning or none (`authorizer::ObjectPath`).
function decodePath(uri) {
  if (/%(?![0-9a-f]{2})/i.test(uri)) throw 'bad_path path_bad_escape';
  if (/%2f/i.test(uri)) throw 'bad_path path_encoded_slash';
  const path = decode(uri);
  if (path === null) throw 'bad_path path_not_utf8';
  if (path[0] !== '/') throw 'bad_path path_not_absolute';
  if (Buffer.byteLength(path) > 1025) throw 'uri_too_long path_too_long';
  if (path.includes('\\')) throw 'bad_path path_backslash';
  if (path.includes('\0')) throw 'bad_path path_nul';
  path.slice(1).split('/').forEach(segment => {
    if (!segment) throw 'bad_path path_empty_segment';
    if (segment === '.' || segment === '..') throw 'bad_path path_dot_segment';
  });
  return path;
}

// Percent-decoded, what is no escape as it is; null where that is not UTF-8.
function decode(text) {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, '%25'));
  } catch (error) {
    return null;
  }
}

// The tokens to judge a request by: the one that was put there for this request, or else those in cookies, at most four.
// A header that is no bearer's is a token that no key made. CloudFront hands parameters over as they came.
function findTokens(request) {
  const explicit = !site.header ? [] :
    values(request.headers.authorization).map(value => inner(/bearer [ \t]*([!-+\--~]*)[ \t]*/i, value));
  Object.keys(request.querystring).forEach(name => {
    if (site.query.includes(decode(name))) values(request.querystring[name]).forEach(value => explicit.push(decode(value)));
  });
  if (explicit.includes(null)) throw 'bad_request query_not_utf8';
  if (explicit.some(token => token !== explicit[0])) throw 'token_conflict two_tokens';
  if (explicit.length) return [explicit[0]];
  const cookies = [];
  Object.keys(request.cookies).forEach(name => {
    if (site.cookie && (name + '-').startsWith(site.cookie + '-')) cookies.push(values(request.cookies[name]));
  });
  return [].concat.apply([], cookies).slice(0, 4).map(value => inner(/"*([^"]*)"*/, value));
}

function values(field) {
  return field ? (field.multiValue || [field]).map(one => one.value) : [];
}

// The match, if it is all of the text.
function whole(pattern, text) {
  const match = pattern.exec(text);
  return match && match[0] === text ? match : null;
}

function inner(pattern, text) {
  return (whole(pattern, text) || ['', ''])[1];
}

// The one route of a path, with what its placeholders took. No route is one without rows that hold.
function find(path) {
  const parts = path.slice(1).split('/');
  for (let i = 0; i < site.routes.length; i++) {
    const captures = parts[0] !== '_edgepass' && capture(site.routes[i].segments, parts);
    if (captures) return Object.assign({ captures: captures }, site.routes[i]);
  }
  return { rows: [], none: true };
}

function capture(segments, parts) {
  const captures = [];
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i];
    const text = parts[i];
    if (text === undefined) return null;
    if (segment === 5) return captures.concat(parts.slice(i).join('/'));
    if (isText(segment)) {
      if (segment !== text) return null;
    } else {
      if (segment < 4 && !whole(kinds[segment], text)) return null;
      if (segment === 1 && text.length > 18 && text > '9223372036854775807') return null;
      captures.push(text);
    }
  }
  return segments.length === parts.length ? captures : null;
}

function fill(text, captures) {
  return text.includes('{') ? text.replace(/\{([0-9]+)\}/g, (all, number) => captures[number]) : text;
}

function isText(value) {
  return typeof value === 'string';
}

// A token, or the fault of one.
function open(text) {
  return attempt(readToken, text, (same, fault) => ({ fault: fault }));
}

// A token's header, and whose it says it is (`authorizer::verify`). Its claims are strangers' until the signature is checked:
// reading them to the letter takes longer than CloudFront may allow a function for.
function readToken(text) {
  const parts = text.split('.', 4);
  if (!text) throw 'token_not_bearer';
  if (text.length > 8192) throw 'token_too_long';
  if (parts.length !== 3) throw 'token_not_three_parts';
  if (parts[0].length > 1024) throw 'token_header_json';
  const header = readPart(parts[0], 'token_header_json');
  const refused = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc', 'cty'];
  if (refused.some(name => '.' + name in header)) throw 'token_header_member';
  const type = /(application\/)?(at\+)?jwt/i;
  if ('.typ' in header && !whole(type, header['.typ'])) throw 'token_type';
  const id = '.kid' in header ? header['.kid'] : '';
  if (!isText(id) || Buffer.byteLength(id) > 256) throw 'token_key_id';
  if (header['.alg'] !== 'HS256') throw 'token_algorithm';
  let said;
  try {
    said = JSON.parse(Buffer.from(parts[1], 'base64url').toString()).iss;
  } catch (error) {
    throw 'token_claims_json';
  }
  const number = site.issuers.findIndex(issuer => issuer.iss === said);
  if (number < 0) throw 'token_unknown_issuer';
  return { parts: parts, number: number, issuer: site.issuers[number] };
}

// The claims of a token whose signature is its issuer's.
function readClaims(token) {
  const claims = readPart(token.parts[1], 'token_claims_json');
  const audiences = '.aud' in claims ? [].concat(claims['.aud']) : [];
  const texts = ['.iss', '.sub', '.jti'].filter(name => name in claims).map(name => claims[name]);
  if (!audiences.concat(texts).every(isText)) throw 'token_claim_type';
  if (claims['.iss'] !== token.issuer.iss) throw 'token_unknown_issuer';
  token.claims = claims;
  token.audiences = audiences;
  // NumericDates in whole seconds.
  token.times = ['.exp', '.nbf', '.iat'].map(name => {
    const seconds = name in claims ? Math.floor(Number((claims[name] || '').n)) : undefined;
    if (name in claims && !Number.isSafeInteger(seconds)) throw 'token_claim_type';
    return seconds;
  });
  return '';
}

// Base64url with no bit too many, of UTF-8, of one JSON object.
function readPart(text, fault) {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw 'token_base64';
  const json = bytes.toString();
  try {
    if (Buffer.from(json).equals(bytes)) return parse(json);
  } catch (error) {
    throw fault;
  }
  throw fault;
}

// JSON as a verifier must read it (RFC 8725 section 2.4): no member twice, no number out of range, nothing behind it, and no
// deeper than the engine's stack is sure to reach. A member's name gets a dot in front, so that none means anything to
// JavaScript; a number becomes {n: its text}.
function parse(text) {
  let at = 0;
  let depth = 0;

  function next() {
    while (' \t\n\r'.includes(text[at] || '-')) at++;
    return text[at];
  }

  function string() {
    const start = at;
    if (text[at] !== '"') throw 'json';
    let slashes = 1;
    while (slashes % 2) {
      at = text.indexOf('"', at + 1);
      if (at < 0) throw 'json';
      slashes = 0;
      while (text[at - 1 - slashes] === '\\') slashes++;
    }
    const written = text.slice(start, ++at);
    // A surrogate stands for a character with its other half alone (RFC 8259 section 8.2).
    if (written.includes('\\u') && isUnpaired(written)) throw 'json';
    return JSON.parse(written);
  }

  function word() {
    const start = at;
    while (at < text.length && !' \t\n\r,]}'.includes(text[at])) at++;
    const written = text.slice(start, at);
    if (['true', 'false', 'null'].includes(written)) return JSON.parse(written);
    // The engine's own reader takes zeros in front.
    const isNumber = whole(/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/, written);
    if (!isNumber || !isFinite(written)) throw 'json';
    return { n: written };
  }

  function value() {
    const first = next();
    if (first === '"') return string();
    if (first !== '{' && first !== '[') return word();
    const close = first === '{' ? '}' : ']';
    const items = first === '{' ? {} : [];
    if (++depth > 24) throw 'json';
    at++;
    let more = next() !== close;
    if (!more) at++;
    while (more) {
      if (first === '{') {
        next();
        const name = '.' + string();
        if (name in items || next() !== ':') throw 'json';
        at++;
        items[name] = value();
      } else items.push(value());
      more = next() === ',';
      if (text[at++] !== (more ? ',' : close)) throw 'json';
    }
    depth--;
    return items;
  }

  if (next() !== '{') throw 'json';
  const found = value();
  if (next()) throw 'json';
  return found;
}

function isUnpaired(written) {
  return /\\ud[89a-f]/i.test(written.replace(/\\\\/g, '').replace(/\\ud[89ab]..\\ud[c-f]/gi, ''));
}

// RFC 7518 section 3.2. The texts are compared, so that a signature has one spelling, and to their end, so that the time
// tells nothing.
function verify(token, secret) {
  const bytes = Buffer.from(secret, 'base64');
  if (bytes.length < 32) return 'token_unknown_key';
  const made = crypto.createHmac('sha256', bytes).update(token.parts[0] + '.' + token.parts[1]).digest('base64url');
  const given = token.parts[2];
  let difference = made.length ^ given.length;
  for (let i = 0; i < made.length; i++) difference |= made.codePointAt(i) ^ given.codePointAt(i);
  return difference ? 'token_bad_signature' : attempt(readClaims, token, (same, fault) => fault);
}

// Audience and times, in the order of `authorizer::Verified::check`.
function check(token) {
  const issuer = token.issuer;
  const expires = token.times[0];
  const issued = token.times[2];
  const now = Math.floor(Date.now() / 1000);
  const latest = now + issuer.leeway;
  const earliest = now - issuer.leeway;
  if (!token.audiences.includes(issuer.aud)) return 'token_audience_mismatch';
  if (expires === undefined) return 'token_no_expiry';
  if (token.times[1] > latest) return 'token_not_yet_valid';
  if (issued > latest) return 'token_issued_in_future';
  if (expires <= earliest) return 'token_expired';
  if (issuer.age === undefined) return '';
  if (issued === undefined) return 'token_no_issued_at';
  return issued + issuer.age <= earliest ? 'token_too_old' : '';
}

// Why this token may not read at this route, if it may not.
function findUncovered(route, token) {
  if (route.none) return 'no_route';
  if (!route.rows.length) return 'no_rule_for_action';
  if (!token.issuer.reads) return 'issuer_may_not';
  const covers = row => {
    const isMeant = row.issuer === undefined || row.issuer === token.number;
    return isMeant && row.tests.every(test => holds(test, token.claims, route.captures));
  };
  return route.rows.some(covers) ? '' : 'path_not_covered';
}

// Whether a claim is a wanted value, or a list that holds one.
function holds(test, claims, captures) {
  let claim = claims;
  test[0].forEach(name => {
    claim = (claim || {})['.' + fill(name, captures)];
  });
  return [].concat(claim).some(one => test[1].some(wanted => equals(wanted, one, captures)));
}

function equals(wanted, claim, captures) {
  const number = claim && claim.n;
  if (wanted.n) return number === wanted.n;
  if (wanted.t) return [claim, number].includes(fill(wanted.t, captures));
  return claim === (isText(wanted) ? fill(wanted, captures) : wanted);
}

// The request as it goes on: for the object's key, in one spelling, without a token.
function forward(asked) {
  const request = asked.event.request;
  const route = asked.route;
  const key = route.key ? fill(route.key, route.captures) : asked.objectPath.slice(1);
  if (Buffer.byteLength(key) > 1024) throw 'forbidden key_too_long';
  // CloudFront may have chosen by the path as it came or by the path it stands for: both must be this bucket's.
  const isOther = path => findBucket(path) !== (route.bucket || 0);
  if (isOther(request.uri) || isOther(asked.objectPath)) throw 'forbidden other_behaviour';
  const escape = character => '%' + Buffer.from(character).toString('hex').toUpperCase();
  request.uri = '/' + encodeURIComponent(key).replace(/%2F/g, '/').replace(/[!'()*]/g, escape);
  request.querystring = {};
  request.cookies = {};
  delete request.headers.authorization;
  return request;
}

// The bucket of the behaviour that a path has.
function findBucket(path) {
  const found = site.buckets.find(one => one[1] ? path.startsWith(one[0]) : path === one[0]);
  return found ? found[2] : 0;
}

// The client learns the public code alone, the log the reason too.
function refuse(asked, fault) {
  const request = asked.event.request;
  const id = asked.event.context.requestId;
  const words = fault.split(' ');
  const code = words[0];
  const status = statuses[code] || 401;
  const path = request.uri.slice(0, 1024);
  console.log(JSON.stringify({ id: id, path: path, code: code, reason: words[1] || code }));
  const headers = { 'content-type': 'application/json' };
  if (status === 401) headers['www-authenticate'] = code === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"';
  if (status === 405) headers.allow = methods;
  const response = answer(asked, status, headers);
  if (request.method !== 'HEAD') response.body = JSON.stringify({ error: code, id: id }) + '\n';
  return response;
}

// An answer that nobody keeps and that does nothing in a browser, which the site's own pages may read.
function answer(asked, status, headers) {
  const origin = values(asked.event.request.headers.origin)[0];
  const isApp = site.apps.includes(origin);
  Object.assign(headers, {
    'cache-control': 'no-store',
    'content-security-policy': "sandbox; default-src 'none'",
    'cross-origin-resource-policy': site.policy,
    vary: 'Origin',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'edgepass-id': asked.event.context.requestId
  });
  if (isApp || (asked.route.any && origin !== undefined)) {
    const access = 'access-control-';
    headers[access + 'allow-origin'] = isApp ? origin : '*';
    if (isApp) headers[access + 'allow-credentials'] = 'true';
    headers[access + 'expose-headers'] =
      'Edgepass-Id, ETag, Content-Range, Accept-Ranges, Content-Length, Content-Disposition';
    if (status === 204) {
      headers[access + 'allow-methods'] = methods;
      headers[access + 'allow-headers'] = 'Authorization, Range, If-Range, Content-Type';
      headers[access + 'max-age'] = '7200';
    }
  }
  Object.keys(headers).forEach(name => {
    headers[name] = { value: headers[name] };
  });
  return { statusCode: status, headers: headers };
}
