// Where the bytes went: the app's server counts its own, this page counts those of files that it sent and showed.
import { $, api, size } from './page.js';

let sentBytes = 0;
/** The count when the page was opened. */
let atFirst = null;
let appBytes = 0;
const deliveredBytes = new Map();

export function sent(bytes) {
  sentBytes += bytes;
  show();
}

export function delivered(url, bytes) {
  deliveredBytes.set(url, Math.max(bytes, deliveredBytes.get(url) ?? 0));
  show();
}

/** The part of a film or sound that has been loaded, from 0 to 1. */
export function loadedPart({ buffered, duration }) {
  let seconds = 0;
  for (let i = 0; i < buffered.length; i++) seconds += buffered.end(i) - buffered.start(i);
  return duration > 0 && Number.isFinite(duration) ? Math.min(1, seconds / duration) : 0;
}

export async function countBytes() {
  const counted = await api('/api/bytes').catch(() => null);
  if (counted) {
    const now = counted.received + counted.sent;
    atFirst ??= now;
    // It is smaller where the app was started anew.
    appBytes = now < atFirst ? now : now - atFirst;
  }
  show();
}

function show() {
  const down = [...deliveredBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  const moved = down + sentBytes;
  $('app-bytes').textContent = size(appBytes);
  $('app-bytes').dataset.bytes = appBytes;
  $('file-bytes').textContent = size(moved);
  $('file-bytes').dataset.bytes = moved;
  $('file-bytes').title = `${size(sentBytes)} up, ${size(down)} down in this page`;
  $('scale-app').style.flexGrow = appBytes;
  $('scale-file').style.flexGrow = moved;
}
