// Everything that the app does with Edgepass: what a user of the package writes.
import { createFiles, uploadFile } from '/edgepass.js';
import { config, make } from './page.js';

export let files = null;

/** The app's server signs a token for whoever is signed in there. */
export async function getToken() {
  const answer = await fetch('/api/token');
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return (await answer.json()).token;
}

export function openFiles(onEvent) {
  files = createFiles({
    match: [{ pattern: `${config.files}/{workspace}/{file}/{name...}`, scope: 'account' }],
    getToken,
    carrier: 'auto',
    onEvent,
  });
  files.observe();
}

/** The stable URL of a path; it can be saved anywhere, for ever. */
export const urlOf = (path) => new URL(path, config.files).href;

/** The bytes go straight to the bucket. */
export function upload(workspace, file, onProgress, signal) {
  return uploadFile(config.files, file, { params: { workspace }, token: getToken, onProgress, signal });
}

/** Asks once more for leave to upload, to learn the id of the refusal. A grant that comes after all is not used. */
export async function askForUpload(workspace, file) {
  const token = await getToken();
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const body = { params: { workspace }, filename: file.name, type: file.type || 'application/octet-stream', size: file.size };
  return fetch(`${config.files}/_edgepass/uploads`, { method: 'POST', headers, body: JSON.stringify(body), credentials: 'omit' });
}

/** A URL for a place that no worker sees: a frame, a new tab. By cookie the stable one will do where there are no links. */
export async function linkTo(url, ttl) {
  try {
    return await files.link(url, { ttl });
  } catch (error) {
    if (error.code === 'not_found' && files.status().carrier === 'cookie') return url;
    throw error;
  }
}

/** What a frame shows: a cookie goes along by itself. */
export async function frameOf(url) {
  await files.ready;
  return files.status().carrier === 'cookie' ? url : linkTo(url, 900);
}

/** Milliseconds after which a download has surely begun. */
const BEGUN = 60_000;
/** Bytes of a name that a link can carry; beyond them the file has the name of its address. */
const NAME_BYTES = 255;

/**
 * Saves a file that browsers would rather show. The link makes its answer an attachment, and the frame keeps the page where it is.
 * Where there are no links, the package does what it can.
 */
export async function save(url, name) {
  let src;
  try {
    src = await files.link(url, { download: new TextEncoder().encode(name).length > NAME_BYTES ? true : name });
  } catch (error) {
    if (error.code === 'not_found') return files.download(url, name);
    throw error;
  }
  const frame = make('iframe', { hidden: true, src });
  document.body.append(frame);
  setTimeout(() => frame.remove(), BEGUN);
}

export async function signOutOfFiles() {
  try {
    await files.logout();
  } finally {
    files.destroy();
  }
}
