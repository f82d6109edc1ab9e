// What went wrong, in words: what it means and what to do next, and below it the facts for whoever wants to know why.
import { button, config, copy, make } from './page.js';

/** By the public code: what happened, what to do. Codes of the bucket are S3's, in capitals. */
const WORDS = {
  too_large: ['It is larger than this workspace takes.', 'Make it smaller, or raise `max_size` of the route in the configuration.'],
  EntityTooLarge: ['It is larger than the bucket was told to take.', 'Make it smaller, or try again if it was still being written.'],
  type_not_allowed: ['Files of this type are not taken here.', 'Save it as another type, or add this one to `types` of the route.'],
  forbidden: ['Your pass is valid, and does not cover this.', 'Ask its owner for it, or sign in as somebody of that workspace.'],
  token_missing: ['You are not signed in any more.', 'Sign in again; nothing here is lost.'],
  token_expired: ['Your pass has expired.', 'Sign in again; nothing here is lost.'],
  token_invalid: ['Your pass is not accepted.', 'Sign in again; nothing here is lost.'],
  token_revoked: ['Your pass was taken back.', 'Sign in again, if you still may.'],
  not_found: ['There is no such file.', 'See whether the address is complete; you would be allowed to read it.'],
  bad_path: ['This address has no clear meaning.', 'Copy the whole address again.'],
  AccessDenied: ['The bucket refused the signed upload.', 'Try again: a new signature is made each time.'],
  rate_limited: ['Too many at once.', 'Wait a moment, then try again.'],
  not_yours: ['It is somebody else’s post.', 'Its author can delete it.'],
};

export const needsSignIn = ({ code, status }) => status === 401 || /^token_/.test(code);

/** `what` and `next` for an error of the package, or an answer of the files host. */
export function inWords({ stage, status, code }) {
  const known = WORDS[code];
  if (known) return { what: known[0], next: known[1] };
  if (!navigator.onLine) return { what: 'This computer is offline.', next: 'Try again when it is back.' };
  const host = stage === 'store' ? 'bucket' : 'files host';
  if (!status) return { what: `The ${host} does not answer.`, next: 'See whether it is running, then try again.' };
  if (status >= 500) return { what: `The ${host} is in trouble.`, next: 'Try again in a moment.' };
  return { what: `The ${host} refused it.`, next: 'See below why, then try again.' };
}

/** Status, code and id of a refusal, as the answer has them. */
export async function readRefusal(answer) {
  const { error: code = '' } = (await answer.json().catch(() => null)) ?? {};
  return { status: answer.status, code, id: answer.headers.get('edgepass-id') ?? '' };
}

/** The reason behind a code, for a reader of the page who asks why. */
function reason({ stage, status, code }) {
  if (code === 'forbidden') {
    return 'The gateway read the pass, found it good, and found no rule by which its claims cover this path. It decided so before it looked into the cache or the bucket: the answer is the same whether or not the file exists.';
  }
  if (status === 401) return 'Without a valid pass nothing is told about any address, not even whether there is a file.';
  if (!status) return 'No answer came, so there is no id either.';
  if (stage === 'store') return 'This is the bucket’s own answer to the signed upload: it never came by the gateway, and its id is the bucket’s.';
  return 'The gateway’s answer. Its log has the precise reason.';
}

const fact = (name, value) => (value ? [make('dt', { textContent: name }), make('dd', {}, make('code', { textContent: value }))] : []);

/** The hint beneath a refusal. `url` is what was asked for; `upload` tells that it was no reading. */
export function why(refusal, { url, upload } = {}) {
  const { status, code, stage, id } = refusal;
  const named = fact(stage === 'store' ? 'Request id' : 'Edgepass-Id', id);
  const facts = make('dl', {}, ...fact('Status', status ? String(status) : ''), ...fact('Code', code), ...named);
  const text = make('p', { textContent: reason(refusal) });
  const command = url && `edgepass explain --config ${quoted(config.config)} --url ${quoted(url)}${upload ? ' --upload' : ''} --token "$TOKEN"`;
  const label = [refusal.status || 'no answer', refusal.code].join(' ').trim();
  return make(
    'details',
    { className: 'why' },
    make('summary', {}, 'Explain ', make('code', { textContent: label })),
    text,
    facts,
    refusal.status && command ? make('p', {}, 'Rule by rule, without asking the gateway:') : null,
    refusal.status && command
      ? make('div', { className: 'command' }, make('code', { textContent: command }), button('quiet', () => copy(command, 'Command copied.'), 'Copy'))
      : null,
  );
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** In the place of a file that is not shown. */
export function refusalCard(refusal, { name, url, detail }) {
  const { what, next } = inWords(refusal);
  return make(
    'div',
    { className: 'refused', data: { status: refusal.status, code: refusal.code } },
    make('p', {}, make('strong', { textContent: name }), make('span', { className: 'pill', data: { kind: 'shut' }, textContent: `${refusal.status || 'no answer'} ${refusal.code}`.trim() })),
    make('p', { textContent: `${detail ?? what} ${next}` }),
    why(refusal, { url }),
  );
}
