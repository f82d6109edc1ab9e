// A new post: words, with files in their midst or beneath them.
import { $, announce, api, config, count, say } from './page.js';
import { urlOf } from './files.js';
import { refreshFeed } from './feed.js';
import { mayUpload, me } from './people.js';
import { countBytes } from './traffic.js';
import { add, busy, inState, remove, watchUploads } from './uploads.js';

const text = $('text');
let posting = false;

/** Files that came without words, beside an empty field, post themselves when all are up. */
function postIfAlone() {
  const isAlone = !text.value.trim() && document.activeElement !== text;
  if (isAlone && !busy() && inState('done').length && !inState('failed', 'cancelled').length) sendPost();
}

function refresh() {
  const [sending, ready, failed] = [busy(), inState('done').length, inState('failed').length];
  $('post').disabled = posting || sending > 0 || failed > 0 || (!ready && !text.value.trim());
  $('composer-hint').textContent = failed
    ? 'Try again or remove what failed, then post'
    : sending
      ? `${count(sending, 'file is', 'files are')} on the way to the bucket`
      : ready
        ? `${count(ready, 'file goes', 'files go')} with this post`
        : 'or drop them anywhere';
  $('composer-hint').toggleAttribute('data-idle', !failed && !sending && !ready);
  postIfAlone();
}

export function addFiles(list, isInText = false) {
  if (!me || !mayUpload()) return;
  const room = config.post_files - inState('waiting', 'sending', 'done', 'failed', 'cancelled').length;
  const files = [...list];
  if (files.length > room) say(`A post takes ${config.post_files} files. ${count(files.length - room, 'file was', 'files were')} left out: post these first.`);
  for (const file of files.slice(0, Math.max(0, room))) add(file, isInText ? mark(file) : null, unmark);
  refresh();
}

/** What stands for a file in the message while it is being written; in the post it is the stable URL. */
function mark({ name }) {
  let marker = `[${name}]`;
  for (let n = 2; text.value.includes(marker); n++) marker = `[${name} ${n}]`;
  const { selectionStart: from, selectionEnd: to, value } = text;
  const before = from > 0 && value[from - 1] !== '\n' ? '\n' : '';
  const after = value[to] === '\n' ? '' : '\n';
  text.setRangeText(`${before}${marker}${after}`, from, to, 'end');
  grow();
  return marker;
}

function unmark({ marker }) {
  if (marker) text.value = text.value.replace(`${marker}\n`, '').replace(marker, '');
  grow();
  refresh();
}

async function sendPost() {
  const items = inState('done');
  if (posting || busy() || inState('failed').length || (!text.value.trim() && !items.length)) return;
  let words = text.value.trim();
  for (const { marker, result } of items) if (marker) words = words.replace(marker, urlOf(result.path));
  if ([...words].length > config.post_chars) return say(`A post takes ${config.post_chars} characters, its addresses among them. This one has ${[...words].length}.`);
  posting = true;
  refresh();
  try {
    await api('/api/feed', { text: words, files: items.map(({ result }) => result) });
    text.value = '';
    for (const item of [...items, ...inState('cancelled')]) remove(item);
    await refreshFeed();
    announce('Posted');
  } catch (error) {
    if (error.status === 401) refreshFeed();
    else say(`Not posted: the app answers ${error.message}. What you wrote is still here.`);
  } finally {
    posting = false;
    grow();
    refresh();
    countBytes();
  }
}

/** Where browsers do not grow a field with its text by themselves. */
function grow() {
  if (CSS.supports('field-sizing', 'content')) return;
  text.style.height = 'auto';
  text.style.height = `${Math.min(320, text.scrollHeight)}px`;
}

export function takeFiles() {
  $('may-upload').hidden = !mayUpload();
  $('read-only').hidden = mayUpload();
  watchUploads(refresh);
  $('file-input').addEventListener('change', ({ target }) => {
    addFiles(target.files);
    target.value = '';
  });
  takeDrops();
  text.addEventListener('paste', (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    addFiles(event.clipboardData.files, true);
  });
  addEventListener('paste', (event) => {
    const { files } = event.clipboardData;
    if (files.length && !event.target.closest('textarea, input')) addFiles(files);
  });
  text.addEventListener('input', () => {
    grow();
    refresh();
  });
  text.addEventListener('keydown', (event) => event.key === 'Enter' && (event.metaKey || event.ctrlKey) && sendPost());
  $('post').addEventListener('click', sendPost);
  // A page that is left takes its uploads along.
  addEventListener('beforeunload', (event) => busy() && event.preventDefault());
}

/** A folder comes as if it were a file, and cannot be read. */
function withoutFolders({ files, items }) {
  const folders = new Set([...items].filter((item) => item.webkitGetAsEntry?.()?.isDirectory).map((item) => item.getAsFile()?.name));
  if (folders.size) say('Folders cannot be dropped: open them, and drop the files.');
  return [...files].filter(({ name }) => !folders.has(name));
}

function takeDrops() {
  let inside = 0;
  const over = (delta) => {
    inside = Math.max(0, inside + delta);
    document.body.classList.toggle('over', inside > 0);
  };
  const carriesFiles = (event) => mayUpload() && event.dataTransfer?.types.includes('Files');
  addEventListener('dragenter', (event) => carriesFiles(event) && over(1));
  addEventListener('dragleave', (event) => carriesFiles(event) && over(-1));
  addEventListener('dragover', (event) => carriesFiles(event) && event.preventDefault());
  addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    over(-inside);
    const isInText = event.target === text;
    if (isInText) text.focus();
    addFiles(withoutFolders(event.dataTransfer), isInText);
  });
}
