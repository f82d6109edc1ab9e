// Who is signed in, who else there is, and what each may do.
import { files, signOutOfFiles } from './files.js';
import { $, api, config, make, say } from './page.js';

export let me = null;

export async function whoAmI() {
  me = await api('/api/me').catch(() => null);
  return me;
}

export const mayUpload = ({ role } = me) => role !== 'reader';

export function person(name) {
  return config.users.find((user) => user.name === name) ?? { name, title: name, role: '' };
}

/** Whose files have this path: the first segment is the workspace. */
export function workspaceName(path) {
  return config.users.find(({ workspace }) => path.startsWith(`/${workspace}/`))?.workspace_name;
}

function dress(node, user) {
  node.textContent = user.title.split(/\s+/).map((word) => word[0]).slice(0, 2).join('').toUpperCase();
  node.dataset.tint = Math.max(0, config.users.findIndex(({ name }) => name === user.name)) % 5;
  return node;
}
export const avatar = (user) => dress(make('span', { className: 'avatar', 'aria-hidden': 'true' }), user);

const mayDo = (user) => (mayUpload(user) ? 'sees every file, and adds files' : 'sees every file, and adds none');

function card(user, data, onclick, text = mayDo(user)) {
  return make(
    'button',
    { type: 'button', className: 'person', data, onclick },
    avatar(user),
    make('span', { className: 'person-text' }, make('strong', { textContent: user.title }), make('span', { textContent: text })),
    make('span', { className: 'tag', textContent: user.role }),
  );
}

/** `onSignedIn` shows the board. */
export function showWelcome(onSignedIn) {
  const workspaces = Map.groupBy?.(config.users, (user) => user.workspace_name) ?? grouped(config.users);
  $('people').replaceChildren(
    ...[...workspaces].map(([name, users]) =>
      make(
        'div',
        { className: 'workspace' },
        make('h3', { className: 'label', textContent: name }),
        make('ul', {}, ...users.map((user) => make('li', {}, card(user, { user: user.name }, ({ currentTarget }) => signIn(user, currentTarget))))),
      ),
    ),
  );
  $('welcome').hidden = false;

  async function signIn(user, pressed) {
    pressed.disabled = true;
    try {
      me = await api('/api/sign-in', { user: user.name });
    } catch (error) {
      pressed.disabled = false;
      return say(`Not signed in: the app answers ${error.message}. Try again.`);
    }
    $('welcome').hidden = true;
    onSignedIn();
    $('main').focus({ preventScroll: true });
  }
}

function grouped(users) {
  const groups = new Map();
  for (const user of users) groups.set(user.workspace_name, [...(groups.get(user.workspace_name) ?? []), user]);
  return groups;
}

export function showMe() {
  dress($('me-avatar'), me);
  $('me-title').textContent = me.title;
  $('me-role').textContent = me.role;
  $('space').textContent = me.workspace_name;
  $('may').replaceChildren(make('strong', { textContent: `You, ${me.role} of ${me.workspace_name}:` }), ` ${mayUpload() ? 'you see every file here, and add files.' : 'you see every file here, and add none.'} Files of other workspaces answer 403.`);
  $('others').replaceChildren(...config.users.filter(({ name }) => name !== me.name).map((user) => make('li', {}, card(user, { switch: user.name }, () => become(user), user.workspace_name))));
  for (const id of ['me', 'space']) $(id).hidden = false;
  document.title = `${me.workspace_name} · Corkboard`;
}

async function leave() {
  await signOutOfFiles().catch(() => say('The files host did not answer; its cookie ends by itself.'));
  await api('/api/sign-out', {}).catch(() => null);
}

async function become(user) {
  await leave();
  await api('/api/sign-in', { user: user.name }).catch(() => null);
  location.assign('/');
}

export async function signOut() {
  await leave();
  location.assign('/');
}

/** The session of the app has ended, and with it the pass can end at any time. Nothing on the page is lost. */
export function showEnded() {
  if (!$('ended').hidden) return;
  $('again').textContent = `Sign in again as ${me.title}`;
  $('ended').hidden = false;
}

/** True when it worked. Then everything that waits may go on. */
export async function signInAgain() {
  try {
    await api('/api/sign-in', { user: me.name });
    const token = (await api('/api/token')).token;
    await files.setToken('account', token);
  } catch (error) {
    say(`Not signed in: ${error.message}. Try again.`);
    return false;
  }
  $('ended').hidden = true;
  say('Signed in again.');
  return true;
}
