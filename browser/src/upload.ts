// Uploads straight to the bucket: asks the files origin for leave, then sends the bytes where it says, whole or in parts.
import type { Begun, FilesError, UploadFile, UploadOptions } from './api';
import { failure } from './failure';
import { sendParts } from './parts';
import { again, createAsk, send, type Ask } from './sending';

interface Grant {
  mode: 'post' | 'put' | 'multipart';
  method: string;
  url: string;
  fields?: Record<string, string>;
  headers?: Record<string, string>;
  path: string;
  key: string;
  upload_id: string;
  part_size: number;
}

/** Bytes: two parts of the usual size. */
const LARGE = 32 * 1024 * 1024;

export const uploadFile: UploadFile = async (filesOrigin, file, options) => {
  const ask = createAsk(filesOrigin, options.token);
  const { name, size, lastModified } = file;
  const { resume } = options;
  if (resume) {
    // Parts of two files would make a third that nobody has.
    if (resume.name !== name || resume.size !== size || resume.lastModified !== lastModified) throw new TypeError('resume: another file');
    return sendParts(file, resume, ask, options);
  }
  // Each try has a signature of its own: the last one may have ended meanwhile.
  const grant = await again(async () => {
    const grant = await sign(ask, file, options);
    if (grant.mode !== 'multipart') await sendWhole(grant, file, options);
    return grant;
  }, options);
  const { path, key, upload_id: id, part_size: partSize } = grant;
  if (grant.mode !== 'multipart') return { path, key };
  const begun: Begun = { id, partSize, name, size, lastModified };
  return sendParts(file, begun, ask, options);
};

async function sign(ask: Ask, file: File, { params, route, signal, partsAbove = LARGE }: UploadOptions): Promise<Grant> {
  const wish = { params, route, filename: file.name, type: file.type || 'application/octet-stream', size: file.size };
  const wanted = (mode?: string) => ask('POST', 'uploads', signal, { ...wish, mode });
  const large = file.size > partsAbove;
  const grant: Grant = await wanted(large ? 'multipart' : undefined).catch((error: FilesError) => {
    // This site takes none in parts.
    if (large && error.status === 404) return wanted();
    throw error;
  });
  if (!/^(post|put|multipart)$/.test(grant.mode)) throw failure('sign', 201, `"error":"no_${grant.mode}_here"`);
  return grant;
}

async function sendWhole({ mode, method, url, headers, fields }: Grant, file: File, { onProgress, signal }: UploadOptions): Promise<void> {
  const form = new FormData();
  for (const name in fields) form.append(name, fields[name]!);
  // The bucket ignores fields that come after it.
  form.append('file', file);
  // A form is a little larger than its file.
  const onSent = (bytes: number) => onProgress?.(Math.min(bytes, file.size), file.size);
  await send('store', method, url, { headers, body: mode === 'post' ? form : file, onSent, signal });
}
