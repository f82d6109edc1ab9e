// The page's passes: asks the app for tokens, one question for each scope at a time across all tabs, and finds out how they travel.
import type { FilesError, FilesEvent, FilesOptions, Status, Token, Why } from './api';
import { json, post } from './failure';
import { open, seal, type Message, type Pass } from './protocol';
import { isAlive, isFresh, known, renewAt, type Known } from './token';

/** The page knows the token in every carrier: links are asked for with it. */
export type Held = Pass & { token: string };

export type Emit = (event: FilesEvent) => void;

export interface Wallet {
  held: Map<string, Held>;
  readonly carrier: Status['carrier'];
  /** The pass for a scope, renewed if it is about to end or came at `not`. Undefined where the app has none. */
  obtain(scope: string, why: Why, not?: number): Promise<Held | undefined>;
  accept(scope: string, token: Token): Promise<void>;
  logout(): Promise<void>;
  end(): void;
}

/** Milliseconds for which a lock is held after the news: the other tabs hear them before they have it. */
const NEWS = 100;
/** Seconds between timed renewals that come to nothing, and the longest that a timer can wait. */
const SOON = 30;
const LATE = 2e6;

const now = () => Date.now() / 1000;

/** `onPass`: a scope has another pass, asked for here or heard from another tab. */
export function createWallet(origin: string, options: FilesOptions, emit: Emit, onPass: (pass: Held, scope: string) => void): Wallet {
  const { refreshSkew: skew = 30, timeout = 5000 } = options;
  const sessionUrl = options.sessionUrl ?? `${origin}/_edgepass/session`;
  const held: Wallet['held'] = new Map();
  const flights = new Map<string, Promise<Held | undefined>>();
  const tabs = new BroadcastChannel(`edgepass ${origin}`);
  const tell = (message: Message) => tabs.postMessage(seal(origin, message));
  let carrier: Status['carrier'] = options.carrier && options.carrier !== 'auto' ? options.carrier : 'undecided';
  let epoch = 0;
  let timer: ReturnType<typeof setTimeout>;

  tabs.onmessage = ({ data }) => {
    const message = open(origin, data);
    if (message.type === 'pass') keep(message.scope!, message.pass as Held);
    if (message.type === 'logout') {
      forget();
      emit({ type: 'loggedout' });
    }
  };

  function keep(scope: string, pass: Held): void {
    held.set(scope, pass);
    carrier = pass.carrier;
    schedule();
    onPass(pass, scope);
  }

  function forget(): void {
    epoch++;
    held.clear();
    flights.clear();
    clearTimeout(timer);
  }

  /** Cookies are renewed by the clock: without a worker nobody sees them end. */
  function schedule(): void {
    clearTimeout(timer);
    const wait = Math.min(...[...held.values()].map((pass) => (pass.carrier === 'cookie' ? renewAt(pass, skew) : Infinity))) - now();
    if (wait < Infinity) timer = setTimeout(renewDue, Math.min(wait > 0 ? wait : SOON, LATE) * 1000);
  }

  async function renewDue(): Promise<void> {
    await Promise.all([...held.keys()].map((scope) => obtain(scope, 'expired')));
    schedule();
  }

  const usable = (pass: Held | undefined, not?: number) => (pass && pass.since !== not && isFresh(pass, now(), skew) ? pass : undefined);

  async function obtain(scope: string, why: Why, not?: number): Promise<Held | undefined> {
    const pass = held.get(scope);
    if (usable(pass, not)) return pass;
    let flight = flights.get(scope);
    if (!flight) {
      const started = epoch;
      flight = alone(`edgepass ${origin} ${scope}`, async () => {
        // Another tab's news, heard while waiting.
        return usable(held.get(scope), not) ?? ask(scope, pass ? why : 'missing', started);
      })
        .catch((error) => emit({ type: 'error', error }))
        .finally(() => flights.delete(scope)) as Promise<Held | undefined>;
      flights.set(scope, flight);
    }
    return (await flight) ?? (pass && pass.since !== not && isAlive(pass, now()) ? pass : undefined);
  }

  /** No other tab does the same meanwhile. Where there are no locks (plain http, old browsers) each tab asks for itself. */
  function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { locks } = navigator;
    if (!locks) return work();
    return new Promise((resolve, reject) => {
      const news = () => new Promise((done) => setTimeout(done, NEWS));
      const locked = () => work().then(resolve, reject).then(news);
      locks.request(name, { signal: AbortSignal.timeout(timeout) }, locked).catch(reject);
    });
  }

  async function ask(scope: string, why: Why, started: number): Promise<Held | undefined> {
    const signal = AbortSignal.timeout(timeout);
    const late = new Promise<never>((_, reject) => (signal.onabort = () => reject(signal.reason)));
    const token = known(await Promise.race([options.getToken(scope, why, signal), late]), now());
    return token && change(scope, token, started, why);
  }

  /** Token -> pass, in the carrier that works. */
  async function change(scope: string, { token, until, since }: Known, started: number, why?: Why): Promise<Held | undefined> {
    let way = carrier;
    if (way === 'undecided' || way === 'cookie') {
      try {
        way = (await exchange(scope, token)) ? 'cookie' : 'header';
      } catch (error) {
        const { status = 500 } = error as Partial<FilesError>;
        // No cookie to be had, at first or for this token, leaves the header. An origin that is away for a while changes nothing.
        if (options.carrier === 'cookie' || (way === 'cookie' && status > 499)) throw error;
        way = 'header';
      }
    }
    if (epoch !== started) return;
    const pass: Held = { carrier: way, token, until, since };
    keep(scope, pass);
    if (why) emit({ type: 'refreshed', scope, why });
    tell({ type: 'pass', scope, pass });
    return pass;
  }

  const withCookies = (): RequestInit => ({ credentials: 'include', cache: 'no-store', signal: AbortSignal.timeout(timeout) });

  /** Token -> cookie. False where it does not come back: another site, or a browser that refuses it. */
  async function exchange(scope: string, token: string): Promise<boolean> {
    await json('session', await post(sessionUrl, token, { scope }, withCookies()));
    return carrier === 'cookie' || (await fetch(sessionUrl, withCookies())).ok;
  }

  return {
    held,
    get carrier() {
      return carrier;
    },
    obtain,

    async accept(scope, given) {
      const token = known(given, now());
      if (!token) throw new TypeError('setToken');
      await change(scope, token, epoch);
    },

    async logout() {
      forget();
      tell({ type: 'logout' });
      if (carrier === 'header' || carrier === 'query') return;
      await fetch(sessionUrl, { ...withCookies(), method: 'DELETE' });
    },

    end() {
      forget();
      tabs.close();
    },
  };
}
