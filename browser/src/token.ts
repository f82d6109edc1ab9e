// Decides on tokens: is it one, when does it end, is it to be used or renewed. Pure; times are seconds since 1970.
import type { Token } from './api';

export interface Times {
  /** Left out where nobody knows: used until it is rejected. */
  until?: number | undefined;
  /** When it came. */
  since: number;
}

export interface Known extends Times {
  token: string;
}

/** A token that is old when it comes (or comes to a clock that runs ahead) is used this long before the next is asked for. */
const AT_LEAST = 5;

/** Undefined for what must never be sent: an empty token, `null` or `undefined` as words, what no header can hold. */
export function known(given: Token | null | undefined, since: number): Known | undefined {
  const { token, expiresAt } = Object(typeof given === 'string' ? { token: given } : given);
  if (!/^(?!(null|undefined)$)[!-~]+$/.test(token)) return;
  return { token, until: expiresAt || expiry(token), since };
}

/** A pass is renewed `skew` before its end, a short-lived one in the last quarter of its life. */
export function renewAt({ until = Infinity, since }: Times, skew: number): number {
  return until - Math.min(skew, Math.max(0, until - since) / 4);
}

export function isFresh(times: Times, now: number, skew: number): boolean {
  return renewAt(times, skew) > now || (now >= times.since && now - times.since < AT_LEAST);
}

/** Renewing failed: may the old one be sent once more? */
export function isAlive({ until = Infinity }: Times, now: number): boolean {
  return until > now;
}

function expiry(token: string): number | undefined {
  try {
    const { exp } = JSON.parse(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/')));
    return exp > 0 ? exp : undefined;
  } catch {
    return;
  }
}
