// Answers at viewer-request, before CloudFront's cache: who may read which object. The rules are those of the `authorizer`
// crate and the answers those of the `front` crate, for sites whose issuers all sign with HS256.
//
// Written to CloudFront's JavaScript runtime 2.0 (Developer Guide, "JavaScript runtime 2.0 features"): ECMAScript 5.1,
// `const`, `let`, arrow functions, async functions in which no function is made, and the methods that the page lists.
// Comments, and the white space in front of a line, are taken out when this is rendered: so a comment has its line to
// itself, and no text reaches over a line's end.
//
// Its regular expressions are Perl's: `$` also matches in front of a last line break. None is used; `whole` compares.
//
// A fault is thrown as a text. Anything else that is thrown is a mistake of ours, and CloudFront answers 503 for it.
import crypto from 'crypto';
import cf from 'cloudfront';

// The secret of each issuer by its name, in base64: not in the code, which every reader of the template could see.
const secrets = cf.kvs();

// The site's rules, by `rules.rs`.
// apps     origins whose pages may read answers
// policy   `Cross-Origin-Resource-Policy`
// header   whether `Authorization` carries tokens
// query    names of parameters that carry tokens
// cookie   the cookie's name, or ''
// issuers  [name, iss, aud, may read, leeway, max age or 0], times in seconds
// buckets  [path, whether all beneath it, bucket]: the behaviours of other buckets, the most special first
// routes   [segments, rows, key or '', bucket, any origin], the most special first
//   segments: a literal's text, or a placeholder's type by its number in `kinds`, 4 for any one segment, 5 for all that is left
//   rows: 0 for anyone, or [issuer or -1, [[names to walk], [values of which one is wanted]]…] each
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

async function handler(event) {
  const request = event.request;
  let route = {};
  try {
    if (request.method === 'OPTIONS') return preflight(event);
    // Another behaviour's, which has no function.
    if (request.uri.startsWith('/_edgepass/')) throw 'not_found no_such_endpoint';
    if (request.method !== 'GET' && request.method !== 'HEAD') throw 'method_not_allowed method_not_allowed';
    const path = decodePath(request.uri);
    const tokens = findTokens(request);
    route = find(path);
    if (route.rows !== 0) await authorise(route, tokens);
    return forward(request, route, path);
  } catch (fault) {
    if (typeof fault !== 'string') throw fault;
    return refuse(event, fault, route.any);
  }
}

// Of several tokens that fail, the answer that helps most: one that has only expired, then one that is valid but does not
// cover the path, then the first that is no good at all (`authorizer::Rules::allow`).
async function authorise(route, tokens) {
  let expired;
  let forbidden;
  let invalid;
  for (let i = 0; i < tokens.length; i++) {
    let token;
    let fault;
    try {
      const opened = open(tokens[i]);
      const secret = await findSecret(opened.issuer);
      verify(opened, secret);
      token = opened;
      check(token);
    } catch (reason) {
      if (typeof reason !== 'string') throw reason;
      fault = (reason === 'token_expired' || reason === 'token_too_old' ? 'token_expired ' : 'token_invalid ') + reason;
    }
    const uncovered = token && findUncovered(route, token);
    if (!fault && !uncovered) return;
    if (!fault) forbidden = forbidden || 'forbidden ' + uncovered;
    else if (fault.startsWith('token_expired') && !uncovered) expired = expired || fault;
    else invalid = invalid || fault;
  }
  throw expired || forbidden || invalid || 'token_missing token_missing';
}

// A store that does not have it throws.
async function findSecret(issuer) {
  try {
    const secret = await secrets.get(issuer[0]);
    return Buffer.from(secret, 'base64');
  } catch (error) {
    throw 'token_unknown_key';
  }
}

// The path of the object, decoded once, with one meaning or none (`authorizer::ObjectPath`).
function decodePath(uri) {
  if (/%(?![0-9a-f]{2})/i.test(uri)) throw 'bad_path path_bad_escape';
  if (/%2f/i.test(uri)) throw 'bad_path path_encoded_slash';
  let path;
  try {
    path = decodeURIComponent(uri);
  } catch (error) {
    throw 'bad_path path_not_utf8';
  }
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

// The tokens to judge a request by: the one that was put there for this request, or else those in cookies, at most four.
// A header that is no bearer's is a token that no key made.
function findTokens(request) {
  let explicit = [];
  if (site.header) {
    explicit = values(request.headers.authorization).map(value => part(/bearer [ \t]*([!-+\--~]*)[ \t]*/i, value));
  }
  Object.keys(request.querystring).filter(isTokenParameter).forEach(name => {
    try {
      explicit = explicit.concat(values(request.querystring[name]).map(decodeQuery));
    } catch (error) {
      throw 'bad_request query_not_utf8';
    }
  });
  if (explicit.some(token => token !== explicit[0])) throw 'token_conflict two_tokens';
  if (explicit.length) return [explicit[0]];
  let cookies = [];
  Object.keys(request.cookies).forEach(name => {
    if (site.cookie && (name === site.cookie || name.startsWith(site.cookie + '-'))) {
      cookies = cookies.concat(values(request.cookies[name]));
    }
  });
  return cookies.slice(0, 4).map(value => part(/"*([^"]*)"*/, value));
}

function values(field) {
  return field ? (field.multiValue || [field]).map(one => one.value) : [];
}

function isTokenParameter(name) {
  try {
    return site.query.includes(decodeQuery(name));
  } catch (error) {
    return false;
  }
}

// CloudFront hands parameters over as they came. What is no escape stays as it is.
function decodeQuery(text) {
  return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, '%25'));
}

// Whether the pattern matches all of the text.
function whole(pattern, text) {
  const match = pattern.exec(text);
  return match !== null && match[0] === text;
}

// The pattern's group, if the pattern matches all of the text.
function part(pattern, text) {
  return whole(pattern, text) ? pattern.exec(text)[1] : '';
}

// The one route of a path, with what its placeholders took.
function find(path) {
  const parts = path.slice(1).split('/');
  for (let i = 0; i < site.routes.length; i++) {
    const route = site.routes[i];
    const captures = capture(route[0], parts);
    if (captures) return { rows: route[1], key: route[2], bucket: route[3], any: route[4], captures: captures };
  }
  return {};
}

function capture(segments, parts) {
  const captures = [];
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i];
    const text = parts[i];
    if (text === undefined) return null;
    if (segment === 5) return captures.concat(parts.slice(i).join('/'));
    if (typeof segment === 'number') {
      if (segment < 4 && !whole(kinds[segment], text)) return null;
      if (segment === 1 && text.length > 18 && text > '9223372036854775807') return null;
      captures.push(text);
    } else if (segment !== text) return null;
  }
  return segments.length === parts.length ? captures : null;
}

function fill(text, captures) {
  return text.replace(/\{([0-9]+)\}/g, (all, number) => captures[number]);
}

// A token's form and whose it says it is; nothing of it is true before `verify` (`authorizer::verify`).
function open(text) {
  const parts = text.split('.', 4);
  if (text.length > 8192) throw 'token_too_long';
  if (parts.length !== 3) throw 'token_not_three_parts';
  const header = read(parts[0], 'token_header_json');
  const refused = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc', 'cty'];
  if (refused.some(name => '.' + name in header)) throw 'token_header_member';
  const type = header['.typ'];
  if (type !== undefined && !whole(/(application\/)?([aA][tT]\+)?[jJ][wW][tT]/, type)) throw 'token_type';
  const id = header['.kid'];
  if (id !== undefined && !(typeof id === 'string' && Buffer.byteLength(id) <= 256)) throw 'token_key_id';
  if (header['.alg'] !== 'HS256') throw 'token_algorithm';
  const claims = read(parts[1], 'token_claims_json');
  const audiences = [].concat(claims['.aud']);
  const texts = ['.iss', '.sub', '.jti'].filter(name => name in claims).map(name => claims[name]);
  if ('.aud' in claims ? !audiences.concat(texts).every(isText) : !texts.every(isText)) throw 'token_claim_type';
  const times = ['.exp', '.nbf', '.iat'].map(name => date(claims, name));
  const number = site.issuers.findIndex(issuer => issuer[1] === claims['.iss']);
  if (number < 0) throw 'token_unknown_issuer';
  return {
    parts: parts, claims: claims, audiences: audiences, times: times, number: number, issuer: site.issuers[number]
  };
}

function isText(value) {
  return typeof value === 'string';
}

// A NumericDate in whole seconds, if there is one.
function date(claims, name) {
  if (!(name in claims)) return undefined;
  const seconds = Math.floor(Number((claims[name] || '').n));
  if (!Number.isSafeInteger(seconds)) throw 'token_claim_type';
  return seconds;
}

// One part of a token: base64url with no bit too many, of UTF-8, of one JSON object.
function read(text, fault) {
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

// JSON as a verifier must read it (RFC 8725 section 2.4): no member twice, no number out of range, nothing behind it. A
// member's name gets a dot in front, so that none means anything to JavaScript; a number becomes {n: its text}.
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
    while (text[++at] !== '"') {
      if (text[at] === '\\') at++;
      if (at >= text.length) throw 'json';
    }
    const written = text.slice(start, ++at);
    // A surrogate stands for a character with its other half alone (RFC 8259 section 8.2).
    const unpaired = written.replace(/\\\\/g, '').replace(/\\ud[89ab]..\\ud[c-f]/gi, '');
    if (/\\ud[89a-f]/i.test(unpaired)) throw 'json';
    return JSON.parse(written);
  }

  function word() {
    const start = at;
    while (at < text.length && !' \t\n\r,]}'.includes(text[at])) at++;
    const written = text.slice(start, at);
    if (written === 'null') return null;
    if (written === 'true' || written === 'false') return written === 'true';
    if (whole(/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/, written) && isFinite(written)) return { n: written };
    throw 'json';
  }

  function value() {
    const first = next();
    if (first === '"') return string();
    if (first !== '{' && first !== '[') return word();
    const close = first === '{' ? '}' : ']';
    const items = first === '{' ? {} : [];
    if (++depth > 127) throw 'json';
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
  if (next() !== undefined) throw 'json';
  return found;
}

// RFC 7518 section 3.2. The texts are compared, so that a signature has one spelling, and to their end, so that the time
// tells nothing.
function verify(token, secret) {
  if (secret.length < 32) throw 'token_unknown_key';
  const made = crypto.createHmac('sha256', secret).update(token.parts[0] + '.' + token.parts[1]).digest('base64url');
  const given = token.parts[2];
  let difference = made.length ^ given.length;
  for (let i = 0; i < made.length; i++) difference |= made.codePointAt(i) ^ given.codePointAt(i);
  if (difference) throw 'token_bad_signature';
}

// Audience and times, in the order of `authorizer::Verified::check`.
function check(token) {
  const issuer = token.issuer;
  const expires = token.times[0];
  const issued = token.times[2];
  const now = Math.floor(Date.now() / 1000);
  const latest = now + issuer[4];
  const earliest = now - issuer[4];
  if (!token.audiences.includes(issuer[2])) throw 'token_audience_mismatch';
  if (expires === undefined) throw 'token_no_expiry';
  if (token.times[1] > latest) throw 'token_not_yet_valid';
  if (issued > latest) throw 'token_issued_in_future';
  if (expires <= earliest) throw 'token_expired';
  if (issuer[5] && issued === undefined) throw 'token_no_issued_at';
  if (issuer[5] && issued + issuer[5] <= earliest) throw 'token_too_old';
}

// Why this token may not read at this route, if it may not.
function findUncovered(route, token) {
  if (!route.rows) return 'no_route';
  if (!route.rows.length) return 'no_rule_for_action';
  if (!token.issuer[3]) return 'issuer_may_not';
  const covers = row => (row[0] < 0 || row[0] === token.number) && row[1].every(test => holds(test, token.claims, route.captures));
  return route.rows.some(covers) ? '' : 'path_not_covered';
}

// Whether a claim is a wanted value, or a list that holds one.
function holds(test, claims, captures) {
  let claim = claims;
  test[0].forEach(name => {
    claim = claim === null || claim === undefined ? undefined : claim['.' + fill(name, captures)];
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
function forward(request, route, path) {
  const key = route.key ? fill(route.key, route.captures) : path.slice(1);
  if (Buffer.byteLength(key) > 1024) throw 'forbidden key_too_long';
  // CloudFront may have chosen by the path as it came or by the path it stands for: both must be this bucket's.
  if ([request.uri, path].some(one => findBucket(one) !== route.bucket)) throw 'forbidden other_bucket';
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

function preflight(event) {
  let any;
  try {
    any = find(decodePath(event.request.uri)).any;
  } catch (fault) {
    if (typeof fault !== 'string') throw fault;
  }
  return answer(event, 204, { allow: methods }, any);
}

// The client learns the public code alone, the log the reason too.
function refuse(event, fault, any) {
  const request = event.request;
  const id = event.context.requestId;
  const words = fault.split(' ');
  const code = words[0];
  const status = statuses[code] || 401;
  const path = request.uri.slice(0, 1024);
  console.log(JSON.stringify({ id: id, method: request.method, path: path, status: status, code: code, reason: words[1] }));
  const headers = { 'content-type': 'application/json' };
  if (status === 401) headers['www-authenticate'] = code === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"';
  if (status === 405) headers.allow = methods;
  const response = answer(event, status, headers, any);
  if (request.method !== 'HEAD') response.body = JSON.stringify({ error: code, id: id }) + '\n';
  return response;
}

// An answer that nobody keeps and that does nothing in a browser, which the site's own pages may read.
function answer(event, status, headers, any) {
  const origin = values(event.request.headers.origin)[0];
  const isApp = site.apps.includes(origin);
  headers['cache-control'] = 'no-store';
  headers['content-security-policy'] = "sandbox; default-src 'none'";
  headers['cross-origin-resource-policy'] = site.policy;
  headers.vary = 'Origin';
  headers['x-content-type-options'] = 'nosniff';
  headers['referrer-policy'] = 'no-referrer';
  headers['edgepass-id'] = event.context.requestId;
  if (isApp || (any && origin !== undefined)) {
    const access = 'access-control-';
    headers[access + 'allow-origin'] = isApp ? origin : '*';
    if (isApp) headers[access + 'allow-credentials'] = 'true';
    headers[access + 'expose-headers'] = 'Edgepass-Id, ETag, Content-Range, Accept-Ranges, Content-Length, Content-Disposition';
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
