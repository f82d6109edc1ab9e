// The body of a post: its words, with files where their addresses stand.
import { urlOf } from './files.js';
import { config, make } from './page.js';
import { showFile } from './show.js';

/** Types that browsers show, by the end of the name: for an address of which nothing else is known. */
const BY_NAME = {
  'image/jpeg': /\.jpe?g$/i, 'image/png': /\.png$/i, 'image/gif': /\.gif$/i, 'image/webp': /\.webp$/i, 'image/avif': /\.avif$/i,
  'video/mp4': /\.(mp4|m4v)$/i, 'video/webm': /\.webm$/i, 'audio/mpeg': /\.mp3$/i, 'audio/mp4': /\.m4a$/i, 'audio/wav': /\.wav$/i,
  'audio/ogg': /\.(ogg|opus)$/i, 'application/pdf': /\.pdf$/i,
};

/** A file of which the address alone is known. */
export function fileAt(url) {
  const path = new URL(url).pathname;
  const last = path.split('/').at(-1);
  let name = last;
  try {
    name = decodeURIComponent(last);
  } catch {
    // The files host will refuse it.
  }
  const [type = 'application/octet-stream'] = Object.entries(BY_NAME).find(([, pattern]) => pattern.test(name)) ?? [];
  return { path, name, type, size: null };
}

/** The stable URLs in a text: a path of two ids and a name, on the files origin. */
const STABLE = new RegExp(`${config.files.replace(/[.*+?^$()|[\]\\]/g, '\\$&')}/[0-9a-f-]{36}/[0-9a-f-]{36}/[^\\s<>"]*[^\\s<>".,;:!?)\\]]`, 'g');

/** The body of a post: its words with the files where their addresses stand, then the files that the words do not name. */
export function showBody({ text, files: attached }) {
  const nodes = [];
  const named = new Set();
  const words = (part) => part.trim() && nodes.push(make('p', { className: 'post-text', textContent: part.trim() }));
  let end = 0;
  for (const { 0: found, index } of text.matchAll(STABLE)) {
    // A name may end with what is punctuation elsewhere.
    const url = attached.map(({ path }) => urlOf(path)).find((whole) => text.startsWith(whole, index)) ?? found;
    words(text.slice(end, index));
    end = index + url.length;
    const { pathname } = new URL(url);
    const known = attached.find(({ path }) => path === pathname);
    named.add(pathname);
    nodes.push(showFile(known ?? fileAt(url), !!known));
  }
  words(text.slice(end));
  const rest = attached.filter(({ path }) => !named.has(path)).map((file) => showFile(file));
  const pictures = rest.filter(({ dataset }) => dataset.kind === 'image');
  if (pictures.length < 2) return [...nodes, ...rest];
  const gallery = make('div', { className: 'gallery' }, ...pictures);
  return [...nodes, gallery, ...rest.filter(({ dataset }) => dataset.kind !== 'image')];
}
