// The order in which scopes and passes are tried for one request: the same in the page and in the worker.
import type { Pass } from './protocol';

export interface Journey<P extends Pass> {
  first(scope: string): Promise<P | undefined>;
  /** Another pass for a scope, or undefined when there is none. */
  renew(scope: string, used: P): Promise<P | undefined>;
  send(pass: P | undefined): Promise<Response>;
}

/** 401: another pass, where there is one. 403: the next scope. The last answer is given as it is, and no body is cancelled. */
export async function travel<P extends Pass>(scopes: string[], way: Journey<P>): Promise<Response> {
  let answer: Response | undefined;
  for (const scope of scopes) {
    let pass = await way.first(scope);
    // A guess proves nothing: its 403 may be another scope's cookie, and it does not count as the one renewal.
    for (let left = pass?.since ? 1 : 2; pass; left--) {
      answer = await way.send(pass);
      if (answer.status !== 401 && (answer.status !== 403 || pass.since)) break;
      if (!left) return answer;
      pass = await way.renew(scope, pass);
    }
    if (pass && answer?.status !== 403) break;
  }
  return answer ?? way.send(undefined);
}

/** Puts a pass where its carrier has it, and says what the browser is to do about cookies. */
export function attach(pass: Pass | undefined, url: URL, headers: Headers, param: string): RequestCredentials {
  const { carrier, token } = pass ?? {};
  if (carrier === 'header') headers.set('authorization', `Bearer ${token}`);
  if (carrier === 'query') url.searchParams.set(param, token!);
  return carrier === 'cookie' ? 'include' : 'omit';
}
