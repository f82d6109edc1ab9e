/** Which URLs are files of ours, and which token opens them. */
export interface FileRule {
  /**
   * An origin and a path with placeholders: `https://files.example.com/{workspace}/{file}/{name...}`.
   * `{x}` is one segment, `{x...}` (or `{x*}`) one or more, last only.
   */
  pattern: string;
  /** Name of the token, placeholders filled from the path: `{workspace}`, `account`. */
  scope: string;
  /** Scopes to try in order when the first has no token or gets 403. */
  fallback?: string[];
}

/** `expiresAt`: seconds since 1970. Left out, it is read from the token's `exp` where the token is a JWT. */
export type Token = string | { token: string; expiresAt?: number };

/** `missing`: none yet. `expired`: about to expire. `rejected`: the files origin answered 401. */
export type Why = 'missing' | 'expired' | 'rejected';

export type Carrier = 'cookie' | 'header' | 'query';

export interface FilesOptions {
  /** In order; the first that matches counts. All on one origin. */
  match: FileRule[];
  /** Asks the app for a token. `null`: there is none (nobody is signed in). */
  getToken(scope: string, why: Why, signal: AbortSignal): Promise<Token | null>;
  /** Default `auto`: a cookie where it is proven to come back, else the header. */
  carrier?: 'auto' | Carrier;
  /** Name of the query parameter, for the carrier `query` and for links that carry their own token. Default `authorization`. */
  param?: string;
  /** Default `<files origin>/_edgepass/session`. */
  sessionUrl?: string;
  /** Where the worker script is served, and for which part of the app. Default `/files-sw.js`, the whole app. `false`: none, and one that was there is taken away. */
  worker?: false | { url?: string; scope?: string };
  /** Default `memory`. With `indexeddb` the worker's tokens survive a restart of the browser, and lie on its disk. */
  persist?: 'memory' | 'indexeddb';
  /** Default `upgrade`: `observe()` sets `crossorigin` on our `<video>` and `<audio>` where they could not load without. */
  media?: 'upgrade' | 'leave';
  /** Default true: `observe()` asks again for elements that failed before the worker or a fresh token was there. */
  heal?: boolean;
  /** Seconds before its end at which a token is renewed. Default 30. */
  refreshSkew?: number;
  /** Milliseconds to wait for a token. Default 5000. */
  timeout?: number;
  onEvent?(event: FilesEvent): void;
}

export type FilesEvent =
  | { type: 'ready'; status: Status }
  | { type: 'refreshed'; scope: string; why: Why }
  | { type: 'denied'; url: string; status: number }
  | { type: 'healed'; url: string }
  | { type: 'uncontrolled' }
  | { type: 'updated' }
  | { type: 'loggedout' }
  | { type: 'error'; error: unknown };

export interface Status {
  /** `waiting`: registered, not yet in charge of this page. `unavailable`: this browser or window has none. `off`: not wanted. */
  worker: 'controlling' | 'waiting' | 'unavailable' | 'off';
  /** `undecided`: no token was needed yet. */
  carrier: Carrier | 'undecided';
  /** Scopes that have a token. */
  scopes: string[];
}

export interface Files {
  /** Resolves once files can be asked for, worker or none. Never rejects; the status says what works. */
  ready: Promise<Status>;
  status(): Status;
  /** Hands over a token without being asked for one. */
  setToken(scope: string, token: Token): Promise<void>;
  /** Like `fetch`, for a file of ours: the token is attached and renewed, with a worker or without. */
  fetch(input: string | URL, init?: RequestInit): Promise<Response>;
  /** A short-lived URL of one file for places that no worker sees: `<a>`, `window.open`, PDF viewers. `ttl` in seconds, 60 left out. */
  link(url: string | URL, options?: { ttl?: number; download?: string | true; once?: boolean }): Promise<string>;
  /** Lets the browser itself save the file, under this or its own name; its bytes pass neither the worker nor the page's memory. */
  download(url: string | URL, filename?: string): Promise<void>;
  /** Heals and upgrades elements under `root` (default: the document), now and as they come. Returns what ends it. */
  observe(root?: ParentNode): () => void;
  /** Looks for a newer worker script. True when there is one; it takes over by itself. */
  update(): Promise<boolean>;
  /** Forgets all tokens, here, in the worker, on disk and in other tabs, and expires the cookies. */
  logout(): Promise<void>;
  /** Ends listeners and timers of this page. The worker stays. */
  destroy(): void;
}

export interface UploadOptions {
  /** The placeholders of the route that the gateway does not fill, such as `{workspace: '…'}`. */
  params: Record<string, string>;
  /** The name of the route, where several take uploads and `params` do not tell which. */
  route?: string;
  /** The bearer token, or what gives it. It is kept for the whole upload, and asked for once more when it is refused. */
  token: string | (() => Promise<Token | null>);
  /** Bytes over all parts. `sent` falls when a part that broke off begins anew. */
  onProgress?(sent: number, total: number): void;
  /** Cancels: nothing more is sent, and an upload in parts is aborted at the store. */
  signal?: AbortSignal;
  /** Further tries after a network failure, a 429 or a 5xx answer, of each part and each question. Default 3. */
  retries?: number;
  /** Files of more bytes go in parts, where the site takes them so. Default 32 MiB. */
  partsAbove?: number;
  /**
   * An upload in parts has begun. What is given here goes through JSON, and is for `resume`, after a reload of the page or an error.
   * Without it, an upload that fails is aborted at the store.
   */
  onBegun?(begun: Begun): void;
  /** Goes on with this upload: only the parts that the store does not have are sent. 404 `not_found`: it is over, begin anew. */
  resume?: Begun;
}

/** An upload in parts, of this file and no other. */
export interface Begun {
  id: string;
  /** Bytes of each part but the last. */
  partSize: number;
  name: string;
  size: number;
  lastModified: number;
}

/** `path`: of the stable URL. `key`: of the object in the bucket. */
export interface Uploaded {
  path: string;
  key: string;
}

/** An answer that was not what was asked for. `status` 0: no answer came. */
export interface FilesError extends Error {
  name: 'FilesError';
  /** `link`, `sign` and `session` were refused by the files origin, `store` by the bucket. */
  stage: 'link' | 'sign' | 'session' | 'store';
  status: number;
  /** The public code, such as `forbidden` or `EntityTooLarge`. */
  code: string;
  /** The answer's `Edgepass-Id`, or the bucket's request id: what the operator's log has it by. Empty where there was none. */
  id: string;
}

export type CreateFiles = (options: FilesOptions) => Files;
/** Uploads straight to the bucket, in parts where the file is large. Aborting rejects with the signal's reason. */
export type UploadFile = (filesOrigin: string | URL, file: File, options: UploadOptions) => Promise<Uploaded>;
