// A file in parts, several at a time: each is signed when its turn comes, and the files origin has them joined in the end.
import type { Begun, UploadOptions, Uploaded } from './api';
import { again, send, type Ask } from './sending';

/** What the store has, in the files origin's words. */
interface Part {
  PartNumber: number;
  ETag: string;
  Size: number;
}

/** Browsers open six connections to a host; some are left for the app. */
const AT_ONCE = 3;

/** What cannot be resumed is aborted at the store: when it is cancelled, and when it fails and nobody remembers it. */
export async function sendParts(file: File, begun: Begun, ask: Ask, options: UploadOptions): Promise<Uploaded> {
  const { signal, resume, retries, onBegun, onProgress } = options;
  const { id, partSize } = begun;
  const upload = `s3/multipart/${encodeURIComponent(id)}`;
  const stop = new AbortController();
  const tries = { retries: retries ?? 3, signal: stop.signal };
  /** Of each part, by its number. */
  const sent: number[] = [];

  const tell = () => onProgress?.(sent.reduce((sum, bytes) => sum + bytes, 0), file.size);
  const stored = (): Promise<Part[]> => again(() => ask('GET', upload, stop.signal), tries);

  async function sendPart(number: number): Promise<void> {
    const { url } = await ask('GET', `${upload}/${number}`, stop.signal);
    const body = file.slice((number - 1) * partSize, number * partSize);
    const onSent = (bytes: number) => {
      sent[number] = bytes;
      tell();
    };
    await send('store', 'PUT', url, { body, onSent, signal: stop.signal });
    onSent(body.size);
  }

  async function sendAll(): Promise<Uploaded> {
    const there = resume ? await stored() : [];
    for (const { PartNumber, Size } of there) sent[PartNumber] = Size;
    tell();
    const numbers = Array.from({ length: Math.ceil(file.size / partSize) }, (_, at) => at + 1);
    // Shared: each takes the next that nobody has.
    const left = numbers.filter((number) => !(number in sent)).values();
    const takeTurns = async () => {
      for (const number of left) await again(() => sendPart(number), tries);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, takeTurns));
    // Asked of the store, not kept from its answers: pages cannot read an `ETag` that the bucket's CORS rules do not expose.
    const parts = (await stored()).map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    const { path, key } = await again(() => ask('POST', `${upload}/complete`, stop.signal, { parts }), tries);
    return { path, key };
  }

  signal?.addEventListener('abort', () => stop.abort(signal.reason), { signal: stop.signal });
  try {
    if (!resume) onBegun?.(begun);
    return await sendAll();
  } catch (error) {
    // The other parts on their way.
    stop.abort(error);
    // If this fails too, the store is told by the gateway, at the age of `abandoned_uploads`.
    if (signal?.aborted || !(onBegun || resume)) again(() => ask('DELETE', upload, undefined), {}).catch(() => undefined);
    throw error;
  } finally {
    stop.abort();
  }
}
