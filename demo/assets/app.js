// The page of the demo app: the code of a user of Edgepass. Everything about files is in the first forty lines.
//
// For tests:
//   [data-user="ada"]                   buttons that sign in
//   #sign-out  #me-title                signed in
//   #text  #post                        a post of words; files that are up go with it
//   #drop  #file-input                  choosing files; with #text empty they post themselves when all are up
//   .upload[data-state]                 waiting | sending | done | failed | cancelled; holds <progress>, .cancel, .retry
//   .post  .post img|video|audio        the feed, newest first; .post a.doc for other types; [data-path] the stable path
//   .address code  .copy  .download     the stable URL
//   #own-result #colleague-result #anonymous-result #other-result   [data-status] HTTP status, or empty
//   #app-bytes #file-bytes              [data-bytes]
//   #mode                               [data-carrier] [data-worker]
import { createFiles, uploadFile } from '/edgepass.js';

const config = await (await fetch('/api/config')).json();
let me = null;
let files = null;

async function getToken() {
  const answer = await fetch('/api/token');
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return (await answer.json()).token;
}

function openFiles() {
  files = createFiles({
    match: [{ pattern: `${config.files}/{workspace}/{file}/{name...}`, scope: 'account' }],
    getToken,
    carrier: 'auto',
    onEvent: showMode,
  });
  files.observe();
}

function upload(file, onProgress, signal) {
  return uploadFile(config.files, file, { params: { workspace: me.workspace }, token: getToken, onProgress, signal });
}

async function signOut() {
  await files.logout().catch(() => say('The files host did not answer; its cookie ends by itself.'));
  await api('/api/sign-out', {});
  files.destroy();
  location.reload();
}

// ---------------------------------------------------------------- small tools

const $ = (id) => document.getElementById(id);

function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'data') Object.assign(node.dataset, value);
    else if (name.includes('-')) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

async function api(path, body) {
  const init = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(path, init);
  if (!answer.ok) throw Object.assign(new Error(`${path}: ${answer.status}`), { status: answer.status });
  return answer.status === 204 ? null : answer.json();
}

let toastTimer;
function say(text) {
  $('toast').textContent = text;
  $('toast').classList.add('shown');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $('toast').classList.remove('shown'), 4000);
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const absolute = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
function ago(at) {
  const minutes = Math.round((Date.now() - at) / 60000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return relative.format(-minutes, 'minute');
  if (minutes < 24 * 60) return relative.format(-Math.round(minutes / 60), 'hour');
  return absolute.format(at);
}

function person(name) {
  return config.users.find((user) => user.name === name) ?? { name, title: name, role: '' };
}

function dress(node, user) {
  node.textContent = user.title.split(/\s+/).map((word) => word[0]).slice(0, 2).join('').toUpperCase();
  node.dataset.tint = Math.max(0, config.users.findIndex(({ name }) => name === user.name)) % 5;
  return node;
}
const avatar = (user) => dress(make('span', { className: 'avatar', 'aria-hidden': 'true' }), user);

function extension(name) {
  const found = /\.([a-z0-9]{1,4})$/i.exec(name);
  return found ? found[1].toUpperCase() : 'FILE';
}

// ---------------------------------------------------------------- signing in

function showWelcome() {
  $('people').replaceChildren(
    ...config.users.map((user) => {
      const button = make(
        'button',
        { type: 'button', className: 'person', data: { user: user.name } },
        avatar(user),
        make('span', { className: 'person-text' }, make('strong', { textContent: user.title }), make('span', { textContent: user.workspace_name })),
        make('span', { className: 'tag', textContent: user.role }),
      );
      button.addEventListener('click', async () => {
        button.disabled = true;
        try {
          me = await api('/api/sign-in', { user: user.name });
          $('welcome').hidden = true;
          showBoard();
          $('main').focus({ preventScroll: true });
        } catch {
          say('That did not work. Try again.');
          button.disabled = false;
        }
      });
      return make('li', {}, button);
    }),
  );
  $('welcome').hidden = false;
}

function showBoard() {
  dress($('me-avatar'), me);
  $('me-title').textContent = me.title;
  $('me-role').textContent = me.role;
  $('space').textContent = me.workspace_name;
  const mayUpload = me.role !== 'reader';
  $('drop').hidden = !mayUpload;
  $('read-only').hidden = mayUpload;
  if (!mayUpload) $('empty-hint').textContent = 'What the others post appears here.';
  for (const id of ['me', 'space', 'board']) $(id).hidden = false;
  document.title = `${me.workspace_name} · Corkboard`;

  openFiles();
  showMode();
  const first = refreshFeed();
  Promise.all([first, files.ready]).then(checkWhoSees);
  countBytes();
  setInterval(() => document.hidden || refreshFeed(), 5000);
  setInterval(() => document.hidden || countBytes(), 15000);
}

function showMode() {
  if (!files) return;
  const { carrier, worker } = files.status();
  const how = { cookie: 'by cookie', header: 'by header', query: 'by query', undecided: 'not yet known' }[carrier];
  const helper = { controlling: 'worker in charge', waiting: 'worker starting', unavailable: 'no worker', off: 'no worker' }[worker];
  $('mode').textContent = `Your pass travels ${how}; ${helper}.`;
  Object.assign($('mode').dataset, { carrier, worker });
}

// ---------------------------------------------------------------- the feed

const shown = new Map();
let lastFile = null;

async function refreshFeed() {
  let posts;
  try {
    ({ posts } = await api('/api/feed'));
  } catch (error) {
    if (error.status === 401) location.reload();
    return;
  }
  for (const post of [...posts].reverse()) {
    const known = shown.get(post.id);
    if (known) known.time.textContent = ago(post.at);
    else addPost(post);
  }
  const newest = posts.find((post) => post.files.length)?.files[0] ?? null;
  if (newest?.path !== lastFile?.path) {
    const isFirst = lastFile === null;
    lastFile = newest;
    if (!isFirst || $('other-result').childElementCount) checkWhoSees();
  }
  $('empty').hidden = posts.length > 0;
  $('feed').setAttribute('aria-busy', 'false');
}

function addPost(post) {
  const author = person(post.author);
  const time = make('time', { dateTime: new Date(post.at).toISOString(), title: absolute.format(post.at), textContent: ago(post.at) });
  const node = make(
    'article',
    { className: 'card post', data: { post: post.id } },
    make('div', { className: 'post-head' }, avatar(author), make('div', { className: 'who' }, make('strong', { textContent: author.title }), time)),
    post.text ? make('p', { className: 'post-text', textContent: post.text }) : null,
    ...post.files.map(showFile),
  );
  shown.set(post.id, { node, time });
  $('feed').prepend(node);
}

/** The stable URL, as it is: in an <img>, in a <video>, in a link. */
function showFile(file) {
  const url = new URL(file.path, config.files).href;
  const figure = make('figure', { className: 'file', data: { path: file.path } });
  const kind = file.type.split('/')[0];
  if (kind === 'image') {
    const image = make('img', { alt: file.name, loading: 'lazy', decoding: 'async', src: url });
    image.addEventListener('load', () => delivered(url, file.size));
    figure.append(make('div', { className: 'frame' }, image));
  } else if (kind === 'video' || kind === 'audio') {
    const media = make(kind, { controls: true, preload: 'metadata', crossOrigin: 'use-credentials', 'aria-label': file.name, src: url });
    media.addEventListener('progress', () => delivered(url, Math.round(file.size * loadedPart(media))));
    figure.append(make('div', { className: 'frame' }, media));
  } else {
    const link = make(
      'a',
      { className: 'doc', href: url, target: '_blank', rel: 'noopener noreferrer' },
      make('span', { className: 'thumb', 'aria-hidden': 'true', textContent: extension(file.name) }),
      make('span', { className: 'doc-text' }, make('strong', { textContent: file.name }), make('span', { textContent: size(file.size) })),
    );
    link.addEventListener('click', (event) => openDocument(event, url));
    figure.append(link);
  }
  const copy = make('button', { type: 'button', className: 'quiet copy', textContent: 'Copy link', 'aria-label': `Copy the link of ${file.name}` });
  copy.addEventListener('click', () => copyText(url));
  const save = make('button', { type: 'button', className: 'quiet download', textContent: 'Download', 'aria-label': `Download ${file.name}` });
  save.addEventListener('click', () => files.download(url, file.name).catch((error) => say(`No download: ${error.message}`)));
  figure.append(make('figcaption', { className: 'address' }, make('code', { textContent: url, title: url }), copy, save));
  return figure;
}

/** A cookie goes with a click on a link; no worker can add anything to one. */
async function openDocument(event, url) {
  if (files.status().carrier === 'cookie') return;
  event.preventDefault();
  try {
    window.open(await files.link(url), '_blank', 'noopener');
  } catch (error) {
    say(`Cannot open it: ${error.message}`);
  }
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    say('Link copied. It opens for your workspace only.');
  } catch {
    say('Copying is not allowed here.');
  }
}

// ---------------------------------------------------------------- uploads

const uploads = new Set();

function addUploads(list) {
  if (me.role === 'reader') return;
  for (const file of list) startUpload(file);
  refreshComposer();
}

function startUpload(file) {
  const state = make('span', { className: 'upload-state' });
  const bar = make('progress', { max: 1, value: 0, 'aria-label': `Upload of ${file.name}` });
  const cancel = make('button', { type: 'button', className: 'quiet cancel', 'aria-label': `Cancel ${file.name}`, textContent: 'Cancel' });
  const retry = make('button', { type: 'button', className: 'quiet retry', 'aria-label': `Try ${file.name} again`, textContent: 'Retry', hidden: true });
  const thumb = make('span', { className: 'thumb', 'aria-hidden': 'true', textContent: extension(file.name) });
  let preview = null;
  if (/^image\/(png|jpeg|gif|webp|avif)$/.test(file.type)) {
    preview = URL.createObjectURL(file);
    thumb.replaceChildren(make('img', { alt: '', src: preview }));
  }
  const node = make(
    'li',
    { className: 'upload', data: { state: 'waiting' } },
    thumb,
    make('div', {}, make('div', { className: 'upload-name' }, make('span', { textContent: file.name, title: file.name })), bar, state),
    make('div', { className: 'upload-buttons' }, retry, cancel),
  );
  const item = { file, node, result: null, stop: null };

  const become = (name, text) => {
    node.dataset.state = name;
    state.textContent = text;
    retry.hidden = name !== 'failed' && name !== 'cancelled';
    cancel.textContent = name === 'sending' ? 'Cancel' : 'Remove';
    refreshComposer();
  };
  item.remove = () => {
    uploads.delete(item);
    node.remove();
    if (preview) URL.revokeObjectURL(preview);
    refreshComposer();
  };
  const run = async () => {
    item.stop = new AbortController();
    bar.value = 0;
    become('sending', `0 % of ${size(file.size)}`);
    let before = 0;
    try {
      const onProgress = (sent, total) => {
        bar.value = total ? sent / total : 1;
        state.textContent = sent < total ? `${Math.floor((100 * sent) / total)} % of ${size(total)}` : 'Finishing…';
        sentBytes += Math.max(0, sent - before);
        before = sent;
        showTraffic();
      };
      const { path } = await upload(file, onProgress, item.stop.signal);
      item.result = { path, name: file.name, type: file.type || 'application/octet-stream', size: file.size };
      become('done', `${size(file.size)}, ready`);
      postWhenAllAreUp();
    } catch (error) {
      if (item.stop.signal.aborted) become('cancelled', 'Cancelled');
      else become('failed', failureInWords(error));
    }
  };
  cancel.addEventListener('click', () => (node.dataset.state === 'sending' ? item.stop.abort() : item.remove()));
  retry.addEventListener('click', run);
  uploads.add(item);
  $('uploads').append(node);
  run();
}

function failureInWords({ stage, status, code, message }) {
  const why = {
    too_large: 'this file is too large',
    EntityTooLarge: 'this file is too large',
    forbidden: 'you may not add files here',
    token_missing: 'you are signed out',
    token_expired: 'you are signed out',
    rate_limited: 'too many at once',
  }[code];
  if (why) return `Not uploaded: ${why} (${status} ${code})`;
  if (status === 0) return stage === 'store' ? 'Not uploaded: the bucket does not answer' : 'Not uploaded: the files host does not answer';
  return `Not uploaded (${status ? `${status} ${code}`.trim() : message})`;
}

const inState = (name) => [...uploads].filter(({ node }) => node.dataset.state === name);
const done = () => inState('done');

/** Files alone post themselves; beside words they wait for the button. */
function postWhenAllAreUp() {
  if (!inState('sending').length && !$('text').value.trim()) sendPost();
}

function refreshComposer() {
  const ready = done().length;
  const busy = inState('sending').length;
  $('post').disabled = busy > 0 || (!ready && !$('text').value.trim());
  $('composer-hint').textContent = busy ? `${busy} ${busy === 1 ? 'file is' : 'files are'} on the way to the bucket` : ready ? `${ready} ${ready === 1 ? 'file goes' : 'files go'} with this post` : '';
}

let posting = false;
async function sendPost() {
  const text = $('text').value.trim();
  const items = done().slice(0, 20);
  if (posting || (!text && !items.length)) return;
  posting = true;
  try {
    await api('/api/feed', { text, files: items.map(({ result }) => result) });
    for (const item of items) item.remove();
    $('text').value = '';
    await refreshFeed();
  } catch (error) {
    say(`Not posted: ${error.message}`);
  } finally {
    posting = false;
    refreshComposer();
    countBytes();
  }
}

function takeFiles() {
  $('file-input').addEventListener('change', ({ target }) => {
    addUploads([...target.files]);
    target.value = '';
  });
  let inside = 0;
  const over = (delta) => {
    inside = Math.max(0, inside + delta);
    $('drop').classList.toggle('over', inside > 0);
  };
  const carriesFiles = (event) => me && event.dataTransfer?.types.includes('Files');
  addEventListener('dragenter', (event) => carriesFiles(event) && over(1));
  addEventListener('dragleave', (event) => carriesFiles(event) && over(-1));
  addEventListener('dragover', (event) => carriesFiles(event) && event.preventDefault());
  addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    over(-inside);
    addUploads([...event.dataTransfer.files]);
  });
  addEventListener('paste', (event) => me && event.clipboardData?.files.length && addUploads([...event.clipboardData.files]));
  $('text').addEventListener('input', refreshComposer);
  $('text').addEventListener('keydown', (event) => event.key === 'Enter' && (event.metaKey || event.ctrlKey) && sendPost());
  $('post').addEventListener('click', sendPost);
}

// ---------------------------------------------------------------- who sees this?

function showCheck(id, title, pill, kind, text) {
  $(id).replaceChildren(
    make('strong', { textContent: title }),
    make('span', { className: 'pill', textContent: pill, data: { kind } }),
    make('p', { textContent: text }),
  );
  $(id).dataset.status = /^\d{3}/.exec(pill)?.[0] ?? '';
}

async function ask(request) {
  try {
    const answer = await request;
    let code = '';
    if (!answer.ok) code = (await answer.json().catch(() => ({}))).error ?? '';
    else answer.body?.cancel();
    return { status: answer.status, pill: `${answer.status} ${answer.ok ? 'OK' : code || answer.statusText}`.trim(), kind: answer.ok ? 'open' : 'shut' };
  } catch {
    return { status: 0, pill: 'no answer', kind: '' };
  }
}

async function checkWhoSees() {
  const file = lastFile;
  const url = file && new URL(file.path, config.files).href;
  const other = await api('/api/other').catch(() => null);
  const nobody = { pill: '–', kind: '' };
  const [own, anonymous, foreign] = await Promise.all([
    url ? ask(files.fetch(url, { method: 'HEAD', cache: 'no-store' })) : nobody,
    ask(fetch(url ?? `${config.files}/${me.workspace}/no/file`, { credentials: 'omit', cache: 'no-store' })),
    other ? ask(files.fetch(other.url, { cache: 'no-store' })) : nobody,
  ]);
  const named = file ? `“${file.name}”` : 'An address of this workspace';
  showCheck('own-result', 'You', own.pill, own.kind, file ? `${named}, with your pass.` : 'Post a file, and it is asked for here.');

  const colleagues = config.users.filter((user) => user.workspace === me.workspace && user.name !== me.name);
  const names = colleagues.map(({ title, role }) => `${title} (${role})`).join(', ');
  $('colleague-result').hidden = !colleagues.length;
  showCheck('colleague-result', 'Your colleagues', 'same link', 'open', `${names}: the same address and the same cached copy, with a pass of their own.`);

  showCheck('anonymous-result', 'The link alone', anonymous.pill, anonymous.kind, `${named}, asked for without a pass: whoever finds the address, finds nothing.`);

  $('other-result').hidden = !other;
  if (other) {
    const whose = other.exists ? `You ask for the newest file of ${other.workspace_name}.` : `You ask for a file of ${other.workspace_name}.`;
    const outcome = { 403: 'Your pass is good, and does not cover it.', 200: 'It opens, and should not!' }[foreign.status] ?? '';
    showCheck('other-result', 'Another workspace', foreign.pill, foreign.kind, `${whose} ${outcome}`);
  }
  countBytes();
}

// ---------------------------------------------------------------- where the bytes went

let sentBytes = 0;
let appBytes = 0;
const deliveredBytes = new Map();

function delivered(url, bytes) {
  deliveredBytes.set(url, Math.max(bytes, deliveredBytes.get(url) ?? 0));
  showTraffic();
}

function loadedPart({ buffered, duration }) {
  let seconds = 0;
  for (let i = 0; i < buffered.length; i++) seconds += buffered.end(i) - buffered.start(i);
  return duration > 0 && Number.isFinite(duration) ? Math.min(1, seconds / duration) : 0;
}

async function countBytes() {
  const counted = await api('/api/bytes').catch(() => null);
  if (counted) appBytes = counted.received + counted.sent;
  showTraffic();
}

function showTraffic() {
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

// ---------------------------------------------------------------- start

$('sign-out').addEventListener('click', signOut);
$('check').addEventListener('click', checkWhoSees);
takeFiles();
me = await api('/api/me').catch(() => null);
if (me) showBoard();
else showWelcome();
