// Everything that the app does with Edgepass: what a user of the package writes.
import { createFiles, uploadFile } from '/edgepass.js';
import { config } from './page.js';

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

/** Bytes of a name that a link can carry; beyond them the file has the name of its address. */
const NAME_BYTES = 255;

/** Saves a file that browsers would rather show. */
export function save(url, name) {
  return files.download(url, new TextEncoder().encode(name).length > NAME_BYTES ? '' : name);
}

export async function signOutOfFiles() {
  try {
    await files.logout();
  } finally {
    files.destroy();
  }
}
