// What the worker does with a request: adds the pass, renews it, tries the next scope. Knows the browser only by its doors.
import { attach, travel } from './journey';
import { GUESS, type Message, type Pass, type WorkerOptions } from './protocol';
import { match, type Hit, type Rules } from './rules';
import { isAlive, isFresh } from './token';

export interface Doors {
  fetch: typeof fetch;
  /** A page's answer: a pass, null where the app has none, undefined where nobody answered in time. */
  ask(message: Message, client: string): Promise<Pass | null | undefined>;
  tell(message: Message, client: string): void;
  read(key: string): Promise<unknown>;
  write(key: string, value: unknown): Promise<unknown>;
  /** Seconds since 1970. */
  now(): number;
}

/** And nothing else: WebKit's media requests carry headers that fail the preflight. */
const KEPT = ['range', 'if-range'];

/** Seconds for which a scope that nobody has a token for is not asked for again. */
const REFUSED = 2;

export interface Courier {
  /** The file that this request asks for, if it is for us to add a pass. Decides at once, as the fetch event demands. */
  wants(request: Request): Hit | undefined;
  serve(request: Request, hit: Hit, client: string): Promise<Response>;
  put(scope: string, pass: Pass): void;
  forget(): void;
}

export function createCourier(rules: Rules, options: WorkerOptions, doors: Doors): Courier {
  const { carrier = 'auto', param = 'authorization', refreshSkew: skew = 30 } = options;
  const { now } = doors;
  const passes = new Map<string, Pass>();
  const flights = new Map<string, Promise<Pass | undefined>>();
  const refused = new Map<string, number>();
  const key = (name: string) => `${rules.origin} ${name}`;
  const keeps = options.persist === 'indexeddb';
  let epoch = 0;

  // The worker was stopped and started again: how tokens travelled before is no secret, and saves a wrong guess.
  let way: unknown = carrier === 'auto' ? doors.read(key('carrier')) : carrier;

  function put(scope: string, pass: Pass): void {
    passes.set(scope, pass);
    refused.delete(scope);
    if (keeps) doors.write(key(`token ${scope}`), pass);
    if (carrier === 'auto' && way !== pass.carrier) doors.write(key('carrier'), (way = pass.carrier));
  }

  async function first(scope: string, client: string): Promise<Pass | undefined> {
    const stored = keeps && !passes.has(scope) && ((await doors.read(key(`token ${scope}`))) as Pass | undefined);
    const pass = passes.get(scope) ?? (stored || undefined);
    if (pass && isFresh(pass, now(), skew)) return pass;
    if (!pass && !/header|query/.test(String(await way))) return GUESS;
    return (await renew(scope, pass, 'expired', client)) ?? (pass && isAlive(pass, now()) ? pass : undefined);
  }

  /** One question for each scope at a time, whoever waits for its answer. */
  async function renew(scope: string, used: Pass | undefined, why: 'expired' | 'rejected', client: string): Promise<Pass | undefined> {
    const current = passes.get(scope);
    if (current && current.since !== used?.since) return current;
    if (refused.get(scope)! > now()) return;
    let flight = flights.get(scope);
    if (!flight) {
      const started = epoch;
      flight = doors.ask({ type: 'ask', scope, why: used?.since ? why : 'missing', not: used?.since }, client).then((pass) => {
        if (epoch !== started) return;
        flights.delete(scope);
        if (pass) put(scope, pass);
        else refused.set(scope, now() + REFUSED);
        return pass ?? undefined;
      });
      flights.set(scope, flight);
    }
    return flight;
  }

  async function send(request: Request, url: URL, pass: Pass | undefined): Promise<Response> {
    const target = new URL(url);
    const headers = new Headers();
    for (const name of KEPT) if (request.headers.has(name)) headers.set(name, request.headers.get(name)!);
    const credentials = attach(pass, target, headers, param);
    try {
      const answer = await doors.fetch(target, {
        headers,
        mode: 'cors',
        credentials,
        referrerPolicy: 'no-referrer',
        method: request.method,
        signal: request.signal,
        integrity: request.integrity,
        cache: request.cache === 'only-if-cached' ? 'default' : request.cache,
      });
      // Without this the token would be in the page's `response.url`.
      return pass?.carrier === 'query' ? new Response(answer.body, answer) : answer;
    } catch (error) {
      // Not readable for this app, perhaps: an image by cookie does not need that.
      if (credentials === 'omit' || request.mode !== 'no-cors' || request.signal.aborted) throw error;
      return doors.fetch(request);
    }
  }

  return {
    wants(request) {
      // Only reading, and not where the page brought its own token or wants none.
      if (!/^(GET|HEAD)$/.test(request.method) || request.headers.has('authorization')) return;
      if (request.mode === 'navigate' || request.credentials === 'omit') return;
      const hit = match(rules, request.url);
      return hit?.url.searchParams.has(param) ? undefined : hit;
    },

    async serve(request, { url, scopes }, client) {
      const started = epoch;
      const answer = await travel<Pass>(scopes, {
        first: (scope) => first(scope, client),
        renew: (scope, used) => renew(scope, used, 'rejected', client),
        send: (pass) => send(request, url, pass),
      });
      const { status } = answer;
      if (status === 401 || status === 403) doors.tell({ type: 'denied', url: url.href, status }, client);
      return epoch === started ? answer : Response.error();
    },

    put,

    forget() {
      epoch++;
      way = undefined;
      for (const map of [passes, flights, refused]) map.clear();
    },
  };
}
