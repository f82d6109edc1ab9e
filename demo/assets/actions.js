// What can be done with a file: copy its address, open it in a tab, save it, show it large.
import { linkTo, save, urlOf } from './files.js';
import { $, copy, iconButton, make, say } from './page.js';
import { inWords } from './refusals.js';

/** Only these are shown by the files host in place; all others are saved. */
export const INLINE = /^(image\/(png|jpeg|gif|webp|avif|bmp)|video\/(mp4|webm|ogg|quicktime)|audio\/|text\/(plain|css|vtt)$|application\/pdf$)/;

/** The buttons of a file. */
export const actions = (file, url) => [
  iconButton('copy', `Copy the address of ${file.name}`, 'copy', () => copy(url, 'Address copied. It never changes, and opens for your workspace only.')),
  INLINE.test(file.type) ? iconButton('open', `Open ${file.name} in a new tab`, 'open', () => openInTab(url)) : null,
  iconButton('down', `Download ${file.name}`, 'download', () => download(file, url)),
].filter(Boolean);

/** The tab is opened with the click, since browsers allow none later, and told where to go when the link is there. */
export async function openInTab(url) {
  const tab = window.open('', '_blank');
  if (!tab) return say('This browser does not let the page open a tab.');
  tab.opener = null;
  try {
    tab.location.replace(await linkTo(url, 60));
  } catch (error) {
    tab.close();
    sayFailed('It cannot be opened', error);
  }
}

export function download({ name }, url) {
  save(url, name).catch((error) => sayFailed('It cannot be downloaded', error));
}

function sayFailed(what, error) {
  const { what: reason, next } = inWords(error);
  say(`${what}: ${reason} ${next} (${error.status || 'no answer'} ${error.code ?? ''})`);
}

/** A picture, as large as the window. */
export function openViewer(file) {
  const url = urlOf(file.path);
  $('viewer-name').textContent = file.name;
  $('viewer-buttons').replaceChildren(...actions(file, url));
  $('viewer-frame').replaceChildren(make('img', { alt: file.name, src: url }));
  $('viewer').showModal();
  $('viewer-close').focus();
}
$('viewer-close').addEventListener('click', () => $('viewer').close());
$('viewer').addEventListener('close', () => $('viewer-frame').replaceChildren());
$('viewer').addEventListener('click', ({ target }) => (target === $('viewer') || target === $('viewer-frame')) && $('viewer').close());
