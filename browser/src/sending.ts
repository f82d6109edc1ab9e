// One request of an upload, to the files origin or to the bucket, and when it is tried again. By XMLHttpRequest, since `fetch` tells
// nothing of the progress.
import type { FilesError, UploadOptions } from './api';
import { failure, type Stage } from './failure';
import { known } from './token';

/** Milliseconds before the second try; doubled for each further one. */
const PAUSE = 500;
/** Milliseconds without one byte sent, or without an answer. */
const STALL = 60_000;

export interface Sending {
  headers?: Record<string, string> | undefined;
  body?: XMLHttpRequestBodyInit | null;
  signal?: AbortSignal | undefined;
  /** Bytes of the body so far. */
  onSent?(sent: number): void;
}

/** The answer's body. Everything but 2xx is a `FilesError`, being aborted too. */
export function send(stage: Stage, method: string, url: string, { headers = {}, body, signal, onSent }: Sending): Promise<string> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    let stall: ReturnType<typeof setTimeout>;
    const alive = () => {
      clearTimeout(stall);
      stall = setTimeout(abort, STALL);
    };
    if (onSent) {
      request.upload.onprogress = ({ loaded }) => {
        alive();
        onSent(loaded);
      };
    }
    request.onloadend = () => {
      clearTimeout(stall);
      signal?.removeEventListener('abort', abort);
      const { status, responseText } = request;
      if (status >= 200 && status < 300) resolve(responseText);
      else reject(failure(stage, status, responseText));
    };
    request.open(method, url);
    for (const name in headers) request.setRequestHeader(name, headers[name]!);
    signal?.addEventListener('abort', abort);
    alive();
    request.send(body ?? null);
  });
}

/** No answer, 429 and 5xx may pass, and so may the app's having no token: further tries, each later than the one before. */
export async function again<T>(work: () => Promise<T>, { retries = 3, signal }: Pick<UploadOptions, 'retries' | 'signal'>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      const { status = 0 } = error as Partial<FilesError>;
      if (tries >= retries || (status && status !== 429 && status < 500)) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, PAUSE * 2 ** tries * (0.75 + Math.random() / 2));
        signal?.addEventListener('abort', resolve);
      });
    }
  }
}

/** To one of the files origin's own endpoints; what it answers. */
export type Ask = (method: string, path: string, signal: AbortSignal | undefined, body?: object) => Promise<any>;

/** One token for all requests; after a failure the app is asked for the next, by 401 at once. */
export function createAsk(filesOrigin: string | URL, token: UploadOptions['token']): Ask {
  const give = async () => known(typeof token === 'string' ? token : await token(), 0)?.token;
  let held: Promise<string | undefined> | undefined;

  return async function ask(method, path, signal, body) {
    for (let last = typeof token === 'string'; ; last = true) {
      const mine = (held ??= give());
      try {
        const bearer = await mine;
        const headers: Record<string, string> = bearer ? { authorization: `Bearer ${bearer}` } : {};
        if (body) headers['content-type'] = 'application/json';
        const url = new URL(`/_edgepass/${path}`, filesOrigin).href;
        return JSON.parse(await send('sign', method, url, { headers, signal, body: body ? JSON.stringify(body) : null }));
      } catch (error) {
        if (held === mine) held = undefined;
        if (last || (error as FilesError).status !== 401) throw error;
      }
    }
  };
}
