// What the page and its worker say to each other. Old pages meet new workers and the reverse: the protocol's version
// is in every message, and what is not understood is left unanswered.
import type { Carrier, FileRule, Why } from './api';
import type { Times } from './token';

const VERSION = 1;

/** Name of the parameter of the worker script's URL that holds its settings: a worker is stopped and started at will. */
export const CONFIG = 'edgepass';

export interface WorkerOptions {
  match: FileRule[];
  carrier?: 'auto' | Carrier;
  param?: string;
  persist?: 'memory' | 'indexeddb';
  /** Seconds. */
  refreshSkew?: number;
  /** Milliseconds. */
  timeout?: number;
  /** The worker serves nothing but files: navigations and requests to the app need not start it. */
  alone?: boolean;
}

/** What opens a scope. No two passes of a scope came at the same time: `since` tells them apart, in all tabs. */
export interface Pass extends Times {
  carrier: Carrier;
  /** With the carrier `cookie` the browser holds it, and the worker is not told. */
  token?: string;
}

/** A cookie that is only supposed to be there. */
export const GUESS: Pass = { carrier: 'cookie', since: 0 };

export type Message =
  /** Answered through the message's port with a `Pass`, or `null` where the app has no token to give. `not`: the pass that will not do. */
  | { type: 'ask'; scope: string; why: Why; not: number | undefined }
  | { type: 'denied'; url: string; status: number }
  | { type: 'pass'; scope: string; pass: Pass }
  | { type: 'logout' }
  | { type: 'claim' };

/** What messages, channels and locks of one version and files origin have in common. */
export const stamp = (origin: string) => `edgepass ${VERSION} ${origin}`;

export function seal(origin: string, message: Message): unknown {
  return { edgepass: stamp(origin), ...message };
}

export function open(origin: string, data: unknown): Partial<Message> {
  const message = data as (Message & { edgepass?: unknown }) | null;
  return message?.edgepass === stamp(origin) ? message : {};
}
