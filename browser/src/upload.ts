// Uploads straight to the bucket: asks the gateway for a signature, then sends the bytes where it says. By XMLHttpRequest, since
// `fetch` tells nothing of the progress.
import type { FilesError, UploadFile, UploadOptions } from './api';
import { failure, good, posted } from './failure';
import { known } from './token';

interface Grant {
  mode: string;
  method: string;
  url: string;
  fields?: Record<string, string>;
  headers?: Record<string, string>;
  path: string;
  key: string;
}

/** Milliseconds before the second try; doubled for each further one. */
const PAUSE = 500;
/** Milliseconds without one byte sent, or without an answer. */
const STALL = 60_000;

export const uploadFile: UploadFile = async (filesOrigin, file, options) => {
  const { retries = 3, signal } = options;
  for (let tries = 0; ; tries++) {
    try {
      // Each try has a signature of its own: the last one may have ended meanwhile.
      const grant = await sign(new URL('/_edgepass/uploads', filesOrigin).href, file, options);
      await send(grant, file, options);
      return { path: grant.path, key: grant.key };
    } catch (error) {
      signal?.throwIfAborted();
      const { status } = error as FilesError;
      const mayPass = status === 0 || status === 429 || status >= 500;
      if (tries >= retries || !mayPass) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE * 2 ** tries * (0.75 + Math.random() / 2)));
    }
  }
};

async function sign(url: string, file: File, { params, token, signal }: UploadOptions): Promise<Grant> {
  signal?.throwIfAborted();
  const body = { params, filename: file.name, type: file.type || 'application/octet-stream', size: file.size };
  const ask = async () => {
    const given = known(typeof token === 'string' ? token : await token(), 0);
    return fetch(url, { ...posted(given?.token, body), signal: signal ?? AbortSignal.timeout(STALL) }).catch(() => {
      throw failure('sign', 0, '');
    });
  };
  let answer = await ask();
  if (answer.status === 401 && typeof token !== 'string') answer = await ask();
  const grant: Grant = await (await good('sign', answer)).json();
  if (!/^(post|put)$/.test(grant.mode)) throw failure('sign', answer.status, `"error":"no_${grant.mode}_here"`);
  return grant;
}

function send({ mode, method, url, headers = {}, fields = {} }: Grant, file: File, { onProgress, signal }: UploadOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    let stall: ReturnType<typeof setTimeout>;
    const alive = () => {
      clearTimeout(stall);
      stall = setTimeout(abort, STALL);
    };
    request.upload.onprogress = ({ loaded }) => {
      alive();
      // A form is a little larger than its file.
      onProgress?.(Math.min(loaded, file.size), file.size);
    };
    request.onloadend = () => {
      clearTimeout(stall);
      signal?.removeEventListener('abort', abort);
      const { status, responseText } = request;
      if (status >= 200 && status < 300) resolve();
      else reject(failure('store', status, responseText));
    };
    request.open(method, url);
    for (const name in headers) request.setRequestHeader(name, headers[name]!);
    const form = new FormData();
    for (const name in fields) form.append(name, fields[name]!);
    // The bucket ignores fields that come after it.
    form.append('file', file);
    signal?.addEventListener('abort', abort);
    alive();
    request.send(mode === 'post' ? form : file);
  });
}
