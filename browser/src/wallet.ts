// The page's passes: asks the app for tokens, one question for each scope at a time across all tabs, and finds out how they travel.
import type { FilesError, FilesEvent, FilesOptions, Status, Token, Why } from './api';
import { good, posted } from './failure';
import { stamp, type Pass } from './protocol';
import { isAlive, isFresh, known, renewAt, type Known } from './token';

/** The page knows the token in every carrier: links are asked for with it. */
export type Held = Pass & { token: string };

export type Emit = (event: FilesEvent) => void;

export interface Wallet {
  held: Map<string, Held>;
  way(): Status['carrier'];
  /** The pass for a scope, renewed if it is about to end or came at `not`. Undefined where the app has none. */
  obtain(scope: string, why?: Why, not?: number): Promise<Held | undefined>;
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
  const name = stamp(origin);
  /** Between tabs: a scope and its new pass, or nothing after signing out. */
  const tabs = new BroadcastChannel(name);
  let carrier: Status['carrier'] = options.carrier && options.carrier !== 'auto' ? options.carrier : 'undecided';
  let epoch = 0;
  let timer: ReturnType<typeof setTimeout>;

  tabs.onmessage = ({ data }) => {
    if (data) return keep(data.scope, data.pass);
    forget();
    emit({ type: 'loggedout' });
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
    if (carrier !== 'cookie') return;
    const wait = Math.min(...[...held.values()].map((pass) => renewAt(pass, skew))) - now();
    const renew = async () => {
      for (const scope of held.keys()) await obtain(scope);
      schedule();
    };
    timer = setTimeout(renew, Math.min(wait > 0 ? wait : SOON, LATE) * 1000);
  }

  const usable = (pass: Held | undefined, not: number | undefined, isGood = isFresh) =>
    pass && pass.since !== not && isGood(pass, now(), skew) ? pass : undefined;

  async function obtain(scope: string, why: Why = 'expired', not?: number): Promise<Held | undefined> {
    const pass = held.get(scope);
    if (usable(pass, not)) return pass;
    let flight = flights.get(scope);
    if (!flight) {
      const started = epoch;
      flight = alone(`${name} ${scope}`, async () => {
        // Another tab's news, heard while waiting.
        return usable(held.get(scope), not) ?? ask(scope, pass ? why : 'missing', started);
      })
        .catch((error) => emit({ type: 'error', error }))
        .finally(() => flights.delete(scope)) as Promise<Held | undefined>;
      flights.set(scope, flight);
    }
    return (await flight) ?? usable(pass, not, isAlive);
  }

  /** No other tab does the same meanwhile. Where there are no locks (plain http, other sites' frames) each tab asks for itself. */
  function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const now = () => work().then(resolve, reject);
      const locked = () => now().then(() => new Promise((done) => setTimeout(done, NEWS)));
      (navigator.locks?.request(name, { signal: AbortSignal.timeout(timeout) }, locked) ?? Promise.reject()).catch(now);
    });
  }

  async function ask(scope: string, why: Why, started: number): Promise<Held | undefined> {
    const signal = AbortSignal.timeout(timeout);
    const given = new Promise<Token | null>((resolve, reject) => {
      signal.onabort = () => reject(signal.reason);
      options.getToken(scope, why, signal).then(resolve, reject);
    });
    const token = known(await given, now());
    return token && change(scope, token, started, why);
  }

  /** Token -> pass, in the carrier that works. */
  async function change(scope: string, fresh: Known, started: number, why?: Why): Promise<Held | undefined> {
    let way = carrier;
    if (way === 'undecided' || way === 'cookie') {
      try {
        way = (await exchange(scope, fresh.token)) ? 'cookie' : 'header';
      } catch (error) {
        const { status = 500 } = error as Partial<FilesError>;
        // A token that is refused is none in any carrier.
        if (status === 401 && why && why !== 'rejected') return ask(scope, 'rejected', started);
        // No cookie to be had, at first or for this token, leaves the header. An origin that is away for a while changes nothing.
        if (status === 401 || options.carrier === 'cookie' || (way === 'cookie' && status > 499)) throw error;
        way = 'header';
      }
    }
    if (epoch !== started) {
      // Signed out meanwhile, and the cookie came after.
      if (way === 'cookie') await session({ method: 'DELETE' });
      return;
    }
    const pass: Held = { ...fresh, carrier: way };
    keep(scope, pass);
    if (why) emit({ type: 'refreshed', scope, why });
    tabs.postMessage({ scope, pass });
    return pass;
  }

  const session = (init?: RequestInit) =>
    fetch(sessionUrl, { credentials: 'include', signal: AbortSignal.timeout(timeout), ...init });

  /** Token -> cookie. False where it does not come back: another site, or a browser that refuses it. */
  async function exchange(scope: string, token: string): Promise<boolean> {
    await good('session', await session(posted(token, { scope })));
    return carrier === 'cookie' || (await session()).ok;
  }

  return {
    held,
    way: () => carrier,
    obtain,

    async accept(scope, given) {
      const token = known(given, now());
      if (!token) throw new TypeError('token');
      await change(scope, token, epoch);
    },

    async logout() {
      forget();
      tabs.postMessage(null);
      if (carrier === 'header' || carrier === 'query') return;
      const answer = await session({ method: 'DELETE' });
      if (carrier === 'cookie') await good('session', answer);
    },

    end() {
      forget();
      tabs.close();
    },
  };
}
