// The feed: all posts of the workspace, or one of them alone; its author can delete it.
import { showBody } from './body.js';
import { files } from './files.js';
import { $, ago, announce, api, fullTime, iconButton, make, say } from './page.js';
import { avatar, me, person, showEnded } from './people.js';

/** By id: the article, its time, the post. */
const shown = new Map();
let onNewest = () => {};
let newest = null;
/** `then` is called with the newest file when that is another one. */
export const watchNewest = (then) => (onNewest = then);

export async function refreshFeed() {
  let posts;
  try {
    ({ posts } = await api('/api/feed'));
  } catch (error) {
    if (error.status === 401) showEnded();
    return;
  }
  await files.ready;
  const isFirst = $('feed').getAttribute('aria-busy') === 'true';
  const here = new Set(posts.map(({ id }) => id));
  for (const id of [...shown.keys()].filter((id) => !here.has(id))) forget(id);
  for (const post of [...posts].reverse()) {
    const known = shown.get(post.id);
    if (known) known.time.textContent = ago(post.at);
    else {
      addPost(post);
      if (!isFirst && post.author !== me.name) announce(`New post by ${person(post.author).title}`);
    }
  }
  $('empty').hidden = posts.length > 0;
  $('feed').setAttribute('aria-busy', 'false');
  const file = posts.find((post) => post.files.length)?.files[0] ?? null;
  if (isFirst || file?.path !== newest?.path) onNewest((newest = file));
  openPost();
}

function addPost(post) {
  const author = person(post.author);
  const name = `by-${post.id}`;
  const time = make('time', { dateTime: new Date(post.at).toISOString(), textContent: ago(post.at) });
  const head = make(
    'header',
    { className: 'post-head' },
    avatar(author),
    make('div', { className: 'who' }, make('h3', { id: name, textContent: author.title }), make('a', { href: `#post-${post.id}`, title: `${fullTime(post.at)}: this post alone` }, time)),
    post.author === me.name ? iconButton('bin', 'Delete this post', 'delete', () => deletePost(post)) : null,
  );
  const node = make('article', { className: 'card post', tabIndex: -1, data: { post: post.id }, 'aria-labelledby': name }, head, ...showBody(post));
  shown.set(post.id, { node, time });
  $('feed').prepend(node);
}

function forget(id) {
  shown.get(id).node.remove();
  shown.delete(id);
}

/** Asks, deletes, and leaves the focus where the post was. */
function deletePost(post) {
  const dialog = $('confirm');
  const { length } = post.files;
  const kept = length === 1 ? ' Its file stays in the bucket, at its address.' : ` Its ${length} files stay in the bucket, at their addresses.`;
  $('confirm-text').textContent = `It disappears for everybody in ${me.workspace_name}.${length ? kept : ''}`;
  dialog.returnValue = 'no';
  dialog.showModal();
  dialog.addEventListener('close', () => dialog.returnValue === 'yes' && gone(post), { once: true });
}

async function gone(post) {
  const { node } = shown.get(post.id);
  const next = node.nextElementSibling ?? node.previousElementSibling ?? $('feed-title');
  try {
    await api(`/api/feed/${post.id}`, undefined, 'DELETE');
  } catch (error) {
    if (error.status === 401) showEnded();
    if (error.status !== 404) return say(`Not deleted: the app answers ${error.message}. Try again.`);
  }
  if (location.hash) history.replaceState(null, '', '/');
  await refreshFeed();
  next.focus();
  say('Post deleted.');
}

const asked = () => /^#post-(\w+)$/.exec(location.hash)?.[1];
let opened;

/** One post alone, where the address asks for it. */
export function openPost() {
  const id = asked();
  const isMissing = !!id && !shown.has(id);
  for (const [other, { node }] of shown) node.hidden = !!id && other !== id;
  $('opened').hidden = !id;
  $('composer').hidden = !!id;
  $('no-such-post').hidden = !isMissing;
  if (id) $('empty').hidden = true;
  if (id === opened) return;
  const before = opened;
  opened = id;
  if (id) (shown.get(id)?.node ?? $('all-posts')).focus();
  else shown.get(before)?.node.focus();
}

addEventListener('hashchange', () => {
  openPost();
  if (!asked()) refreshFeed();
});
