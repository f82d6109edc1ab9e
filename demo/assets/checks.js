// Who sees this? Asked of the files host itself, with the user's pass, without one, and for another workspace's file.
import { fileAt } from './body.js';
import { files, urlOf } from './files.js';
import { $, api, config, make } from './page.js';
import { me } from './people.js';
import { readRefusal, why } from './refusals.js';
import { showFile } from './show.js';
import { countBytes } from './traffic.js';

let file = null;
/** The file that is asked for from now on; null: there is none yet. */
export function checkFile(newest) {
  file = newest;
  return checkWhoSees();
}

function show(id, title, outcome, text, url) {
  $(id).replaceChildren(
    make('strong', { textContent: title }),
    make('span', { className: 'pill', textContent: outcome.pill, data: { kind: outcome.kind } }),
    make('p', { textContent: text }),
    outcome.refusal ? why(outcome.refusal, { url }) : '',
  );
  $(id).dataset.status = outcome.status || '';
}

async function ask(request) {
  try {
    const answer = await request;
    const { status } = answer;
    if (!answer.ok) {
      const refusal = await readRefusal(answer);
      return { status, refusal, pill: `${status} ${refusal.code}`.trim(), kind: 'shut' };
    }
    answer.body?.cancel();
    return { status, pill: `${status} OK`, kind: 'open' };
  } catch {
    return { status: 0, pill: 'no answer', kind: '' };
  }
}

export async function checkWhoSees() {
  const url = file ? urlOf(file.path) : `${config.files}/${me.workspace}/no/file`;
  const other = await api('/api/other').catch(() => null);
  const nobody = { status: 0, pill: '–', kind: '' };
  const [own, anonymous, foreign] = await Promise.all([
    file ? ask(files.fetch(url, { method: 'HEAD', cache: 'no-store' })) : nobody,
    ask(fetch(url, { credentials: 'omit', cache: 'no-store' })),
    other ? ask(files.fetch(other.url, { cache: 'no-store' })) : nobody,
  ]);
  const named = file ? `“${file.name}”` : 'An address of this workspace';
  show('own-result', 'You', own, file ? `${named}, with your pass.` : 'Post a file, and it is asked for here.', url);

  const colleagues = config.users.filter((user) => user.workspace === me.workspace && user.name !== me.name);
  const names = colleagues.map(({ title, role }) => `${title} (${role})`).join(', ');
  $('colleague-result').hidden = !colleagues.length;
  show('colleague-result', 'Your colleagues', { pill: 'same address', kind: 'open' }, `${names}: the same cached copy, with a pass of their own.`);

  show('anonymous-result', 'Address alone', anonymous, `${named}, asked for without a pass: whoever finds the address, finds nothing.`, url);

  $('other-result').hidden = !other;
  if (other) {
    const whose = other.exists ? `You ask for the newest file of ${other.workspace_name}.` : `You ask for a file of ${other.workspace_name}.`;
    const outcome = { 403: 'Your pass is good, and does not cover it.', 200: 'It opens, and should not!' }[foreign.status] ?? '';
    show('other-result', 'Another workspace', foreign, `${whose} ${outcome}`, other.url);
  }
  countBytes();
}

/** An address that somebody pastes: the file, or why not. */
export function takeAddresses() {
  $('address').placeholder = `${config.files}/…`;
  $('address').addEventListener('input', ({ target }) => target.setCustomValidity(''));
  $('try').addEventListener('submit', (event) => {
    event.preventDefault();
    const field = $('address');
    const url = URL.parse?.(field.value.trim()) ?? new URL(field.value.trim());
    if (url.origin !== config.files) {
      field.setCustomValidity(`It begins with ${config.files}/`);
      return field.reportValidity();
    }
    $('tried').replaceChildren(showFile(fileAt(url), false));
  });
}
