// How a file is shown: by its stable URL, as it is, in an <img>, a <video>, a frame or a link.
import { INLINE, actions, download, openInTab, openViewer } from './actions.js';
import { files, frameOf, urlOf } from './files.js';
import { extension, icon, make, size } from './page.js';
import { inWords, readRefusal, refusalCard } from './refusals.js';
import { workspaceName } from './people.js';
import { delivered, loadedPart } from './traffic.js';

/** Milliseconds for the package to ask again for a picture that came before its pass. */
const HEAL = 1500;

function kindOf(type) {
  if (/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(type)) return 'image';
  if (type === 'application/pdf' && navigator.pdfViewerEnabled) return 'pdf';
  const kind = type.split('/')[0];
  return kind === 'video' || kind === 'audio' ? kind : 'other';
}

/** `isKnown`: a post names it, with type and size. Else the files host is asked first whether it opens. */
export function showFile(file, isKnown = true) {
  const figure = make('figure', { className: 'file', data: { path: file.path, kind: kindOf(file.type) } });
  if (isKnown) figure.append(...parts(file, figure));
  else learn(file, figure);
  return figure;
}

function parts(file, figure) {
  const url = urlOf(file.path);
  const kind = kindOf(file.type);
  const shows = { image: picture, video: media, audio: media, pdf, other: card }[kind];
  return [shows(file, url, figure), caption(file, url)];
}

async function learn(file, figure) {
  figure.append(make('div', { className: 'frame waiting' }));
  const refusal = await opens(file);
  figure.replaceChildren(...(refusal ? [refused(file, refusal)] : parts(file, figure)));
}

/** Nothing where it opens, else why not. */
async function opens(file) {
  await files.ready;
  try {
    const answer = await files.fetch(urlOf(file.path), { headers: { range: 'bytes=0-0' }, cache: 'no-store' });
    if (!answer.ok) return await readRefusal(answer);
    file.size ??= Number(answer.headers.get('content-range')?.split('/')[1]) || null;
    await answer.body?.cancel();
    return null;
  } catch {
    return { status: 0, code: '', id: '' };
  }
}

function refused(file, refusal) {
  const whose = refusal.code === 'forbidden' && workspaceName(file.path);
  const detail = whose && `It is a file of ${whose}. ${inWords(refusal).what}`;
  return refusalCard(refusal, { name: file.name, url: urlOf(file.path), detail });
}

/** It did not come: the files host is asked why. What opens but cannot be shown becomes a card. */
async function lost(file, figure) {
  const refusal = await opens(file);
  figure.dataset.kind = 'other';
  figure.replaceChildren(...(refusal ? [refused(file, refusal)] : [card(file, urlOf(file.path)), caption(file, urlOf(file.path))]));
}

function picture(file, url, figure) {
  const image = make('img', { alt: file.name, loading: 'lazy', decoding: 'async' });
  if (file.width && file.height) Object.assign(image, { width: file.width, height: file.height });
  image.addEventListener('load', () => {
    delivered(url, file.size ?? 0);
    image.parentNode.classList.remove('waiting');
  });
  image.addEventListener('error', () => setTimeout(() => image.isConnected && image.complete && !image.naturalWidth && lost(file, figure), HEAL));
  image.src = url;
  const zoom = make('button', { type: 'button', className: 'frame waiting', onclick: () => openViewer(file) }, image);
  zoom.setAttribute('aria-label', `${file.name}, show it large`);
  return zoom;
}

/** `crossorigin` as the carrier needs it; `files.observe()` would set it too, after a first request without. */
function media(file, url, figure) {
  const kind = kindOf(file.type);
  const node = make(kind, { controls: true, preload: 'metadata', 'aria-label': file.name });
  node.crossOrigin = files.status().carrier === 'header' ? 'anonymous' : 'use-credentials';
  if (file.width && file.height) Object.assign(node, { width: file.width, height: file.height });
  node.addEventListener('progress', () => delivered(url, Math.round((file.size ?? 0) * loadedPart(node))));
  node.addEventListener('error', () => setTimeout(() => node.isConnected && node.error && lost(file, figure), HEAL));
  node.src = url;
  if (kind === 'video') return make('div', { className: 'frame' }, node);
  return make('div', { className: 'sound' }, make('span', { className: 'thumb', 'aria-hidden': 'true' }, icon('sound')), node);
}

function pdf(file, url) {
  const frame = make('iframe', { title: `${file.name}, PDF`, loading: 'lazy' });
  frameOf(url).then((address) => (frame.src = `${address}#toolbar=0&navpanes=0&view=FitH`), () => frame.replaceWith(card(file, url)));
  return make('div', { className: 'frame paper' }, frame);
}

function card(file, url) {
  const facts = [describe(file.type), file.size === null ? '' : size(file.size)].filter(Boolean).join(' · ');
  const link = make(
    'a',
    { className: 'doc', href: url, target: '_blank', rel: 'noopener noreferrer' },
    make('span', { className: 'thumb', 'aria-hidden': 'true', textContent: extension(file.name) }),
    make('span', { className: 'doc-text' }, make('strong', { textContent: file.name }), make('span', { textContent: facts })),
  );
  link.addEventListener('click', (event) => {
    event.preventDefault();
    if (INLINE.test(file.type)) openInTab(url);
    else download(file, url);
  });
  return link;
}

function describe(type) {
  const words = { 'text/plain': 'Text', 'application/pdf': 'PDF', 'application/zip': 'Archive', 'application/octet-stream': 'File', 'text/csv': 'Table', 'text/html': 'Web page', 'image/svg+xml': 'Drawing' };
  return words[type] ?? type;
}

function caption(file, url) {
  const facts = [extension(file.name), file.size === null ? '' : size(file.size)].filter(Boolean).join(' · ');
  return make(
    'figcaption',
    { className: 'address' },
    make('span', { className: 'file-name' }, make('strong', { textContent: file.name, title: file.name }), make('span', { textContent: facts })),
    make('code', { textContent: url, title: url }),
    make('span', { className: 'file-buttons' }, ...actions(file, url)),
  );
}
