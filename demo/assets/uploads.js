// The list of uploads: each waits, is sent, and is up, or failed, or was cancelled; some are sent at one time, the rest wait.
import { upload } from './files.js';
import { $, announce, button, duration, extension, make, size } from './page.js';
import { me, signInAgain } from './people.js';
import { inWords, needsSignIn, why } from './refusals.js';
import { sent as countSent } from './traffic.js';

/** Browsers open six connections to a host: some are left for the pictures. */
const AT_ONCE = 3;
/** Milliseconds over which the rate is taken. */
const RATE_OVER = 3000;

const uploads = new Set();
let onChange = () => {};
/** `then` is called with every change of a state. */
export const watchUploads = (then) => (onChange = then);

export const inState = (...names) => [...uploads].filter(({ node }) => names.includes(node.dataset.state));
export const busy = () => inState('waiting', 'sending').length;

/** `marker`: the text that stands for the file in the message, or null. `onRemoved` takes it out. */
export function add(file, marker, onRemoved) {
  const item = { file, marker, onRemoved, node: row(file), result: null, pixels: {}, stop: null };
  const { cancel, retry, thumb } = item.node.parts;
  if (/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(file.type)) preview(item, thumb);
  cancel.onclick = () => (item.node.dataset.state === 'sending' ? item.stop.abort() : remove(item, true));
  retry.onclick = () => {
    wait(item);
    cancel.focus();
    next();
  };
  uploads.add(item);
  $('uploads').append(item.node);
  wait(item);
  next();
  return item;
}

export function remove(item, isByHand = false) {
  const after = item.node.nextElementSibling ?? item.node.previousElementSibling;
  uploads.delete(item);
  item.node.remove();
  if (item.preview) URL.revokeObjectURL(item.preview);
  if (isByHand) {
    item.onRemoved?.(item);
    announce(`${item.file.name} removed`);
    (after?.querySelector('.cancel') ?? $('text')).focus();
  }
  onChange();
  next();
}

function row(file) {
  const state = make('span', { className: 'upload-state' });
  const bar = make('progress', { max: 1, value: 0, 'aria-label': `Upload of ${file.name}` });
  const cancel = button('quiet cancel', null, 'Cancel');
  const retry = button('quiet retry', null, 'Try again');
  retry.setAttribute('aria-label', `Try again: ${file.name}`);
  const thumb = make('span', { className: 'thumb', 'aria-hidden': 'true', textContent: extension(file.name) });
  const trouble = make('div', { className: 'trouble' });
  const name = make('div', { className: 'upload-name' }, make('span', { textContent: file.name, title: file.name }));
  const node = make('li', { className: 'upload' }, thumb, make('div', { className: 'upload-text' }, name, bar, state), make('div', { className: 'upload-buttons' }, retry, cancel), trouble);
  return Object.assign(node, { parts: { state, bar, cancel, retry, thumb, trouble } });
}

function become(item, name, text) {
  const { state, cancel, retry, trouble } = item.node.parts;
  item.node.dataset.state = name;
  state.textContent = text;
  retry.hidden = name !== 'failed' && name !== 'cancelled';
  cancel.textContent = name === 'sending' ? 'Cancel' : 'Remove';
  cancel.setAttribute('aria-label', `${cancel.textContent}: ${item.file.name}`);
  if (name !== 'failed') trouble.replaceChildren();
  onChange();
}

function wait(item) {
  item.node.parts.bar.value = 0;
  become(item, 'waiting', `Waiting · ${size(item.file.size)}`);
}

function next() {
  for (const item of inState('waiting').slice(0, AT_ONCE - inState('sending').length)) run(item);
}

async function run(item) {
  const { file, node } = item;
  item.stop = new AbortController();
  become(item, 'sending', `0 % of ${size(file.size)}`);
  try {
    const { path } = await upload(me.workspace, file, meter(node.parts, item), item.stop.signal);
    await item.measured;
    item.result = { path, name: file.name, type: file.type || 'application/octet-stream', size: file.size, ...item.pixels };
    become(item, 'done', `${size(file.size)} · ready`);
    announce(`${file.name} is up`);
  } catch (error) {
    if (item.stop.signal.aborted) {
      become(item, 'cancelled', 'Cancelled');
      announce(`${file.name} cancelled`);
    } else fail(item, error);
  }
  next();
}

/** Shows how far it is, how fast, and how long it still takes. */
function meter({ bar, state }, item) {
  let before = 0;
  let marks = [];
  return (sent, total) => {
    const now = performance.now();
    // A further try begins at nothing again.
    if (sent < before) [before, marks] = [0, []];
    countSent(sent - before);
    before = sent;
    marks = [...marks.filter(([at]) => now - at < RATE_OVER), [now, sent]];
    const [[since, from]] = marks;
    const rate = (1000 * (sent - from)) / Math.max(1, now - since);
    bar.value = total ? sent / total : 1;
    if (item.stop.signal.aborted) return;
    const left = rate > 0 && now - since > 250 ? ` · ${size(rate)}/s · ${duration((total - sent) / rate)} left` : '';
    state.textContent = sent < total ? `${size(sent)} of ${size(total)}${left}` : 'Finishing…';
  };
}

function fail(item, error) {
  const { trouble } = item.node.parts;
  const { what, next: advice } = inWords(error);
  become(item, 'failed', 'Not uploaded');
  const mustSignIn = needsSignIn(error);
  const url = `/${me.workspace}/00000000-0000-4000-8000-000000000000/${encodeURIComponent(item.file.name)}`;
  trouble.replaceChildren(
    make('p', {}, make('strong', { textContent: what }), ` ${advice}`),
    ...(mustSignIn ? [button('main', again, 'Sign in again')] : []),
    why(error, { url: error.stage === 'sign' ? url : undefined, upload: true }),
  );
  item.expired = mustSignIn;
  announce(`${item.file.name} was not uploaded. ${what} ${advice}`);
}

async function again() {
  if (await signInAgain()) retryExpired();
}

/** After signing in again, what failed for want of a pass goes on by itself. */
export function retryExpired() {
  for (const item of inState('failed').filter(({ expired }) => expired)) wait(item);
  next();
}

function preview(item, thumb) {
  item.preview = URL.createObjectURL(item.file);
  const image = make('img', { alt: '', src: item.preview });
  item.measured = image.decode().then(
    () => {
      item.pixels = { width: image.naturalWidth, height: image.naturalHeight };
      thumb.replaceChildren(image);
    },
    () => null, // it is no picture after all; it goes up as it is
  );
}
