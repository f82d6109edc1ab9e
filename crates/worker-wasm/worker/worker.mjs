// A worker (workerd, Cloudflare Workers) in front of a store: each request is authorised by edgepass-pure.wasm, and what is
// allowed is fetched from the binding ORIGIN (ORIGIN_1 and so on for further buckets), a service or a URL without a path. The
// store must be reachable by this worker alone. A building block: it signs nothing and caches nothing itself.
import module from './edgepass-pure.wasm';
import site from './site.json';
import { Authorizer } from './authorizer.mjs';

const authorizer = new Authorizer(module, site);

/** What of a request may choose bytes of the object or say that they are known; nothing else reaches the store. */
const FORWARDED = ['range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];

export default {
  async fetch(request, env) {
    const id = crypto.randomUUID();
    try {
      const decision = authorizer.decide(question(request, id));
      if (decision.pass) return await fetchObject(request, decision.pass, env);
      const { response, log } = decision.answer;
      if (log) console.log(log);
      return answer(response);
    } catch (error) {
      console.error(JSON.stringify({ id, error: String(error) }));
      return broken(id);
    }
  },
};

function question(request, id) {
  // Not by `new URL`, which would resolve dots and backslashes: the target is judged as it came.
  const url = request.url;
  const target = url.slice(url.indexOf('/', url.indexOf('://') + 3));
  const [uri, querystring] = target.includes('?') ? cut(target, '?') : [target, ''];
  const headers = {};
  for (const [name, value] of request.headers) headers[name] = fields(name, value);
  return { id, method: request.method, uri, querystring, headers };
}

/** The runtime has joined repeated fields by commas, which no token has. Tokens that differ are a conflict and go on apart; one that
 *  came twice cannot be told from one field with a comma, and is refused as that is. */
function fields(name, value) {
  const values = name === 'authorization' ? value.split(', ') : [value];
  return (new Set(values).size > 1 ? values : [value]).map((value) => ({ value }));
}

const cut = (text, mark) => [text.slice(0, text.indexOf(mark)), text.slice(text.indexOf(mark) + 1)];

async function fetchObject(request, { uri, bucket }, env) {
  const origin = bucket === 0 ? env.ORIGIN : env[`ORIGIN_${bucket}`];
  if (!origin) throw new Error(`no origin for bucket ${bucket}`);
  const headers = new Headers();
  for (const name of FORWARDED) if (request.headers.has(name)) headers.set(name, request.headers.get(name));
  const options = { method: request.method, headers, redirect: 'manual' };
  const found = await (typeof origin === 'string' ? fetch(origin + uri, options) : origin.fetch(`http://origin${uri}`, options));
  const kept = new Headers(found.headers);
  kept.delete('set-cookie');
  // A cache that does not ask here again would answer others as well.
  kept.set('cache-control', 'private, no-cache');
  kept.set('x-content-type-options', 'nosniff');
  return new Response(found.body, { status: found.status, headers: kept });
}

function answer({ status, headers, body }) {
  const fields = Object.values(headers).flatMap((named) => named.map(({ key, value }) => [key, value]));
  return new Response(body || null, { status: Number(status), headers: fields });
}

const broken = (id) =>
  new Response(`${JSON.stringify({ error: 'overloaded', id })}\n`, {
    status: 503,
    headers: { 'cache-control': 'no-store', 'content-type': 'application/json', 'retry-after': '1', vary: 'Origin' },
  });
