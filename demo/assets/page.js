// Small tools for the page: elements, the app's own API, words for sizes and times, and what is said to people.

export const config = await (await fetch('/api/config')).json();

export const $ = (id) => document.getElementById(id);

/** `data` goes to the dataset, names with a hyphen become attributes, all others properties. */
export function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'data') Object.assign(node.dataset, value);
    else if (name.includes('-') || name === 'role') node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

export function button(className, onclick, ...children) {
  return make('button', { type: 'button', className, onclick }, ...children);
}

/** A button that shows its icon alone. */
export function iconButton(name, label, className, onclick) {
  const node = button(`icon-button ${className}`, onclick, icon(name));
  node.setAttribute('aria-label', label);
  node.title = label;
  return node;
}

/** The app's own server. Rejects with `status` (0: no answer) and `code`. */
export async function api(path, body, method = body ? 'POST' : 'GET') {
  const init = { method, ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) };
  const answer = await fetch(path, init).catch(() => null);
  if (!answer?.ok) {
    const { error: code = '' } = (await answer?.json().catch(() => null)) ?? {};
    const status = answer?.status ?? 0;
    throw Object.assign(new Error(`${status || 'no answer'} ${code}`.trim()), { status, code });
  }
  return answer.status === 204 ? null : answer.json();
}

let timer;
/** Shown for a while, and read aloud. */
export function say(text) {
  $('said').textContent = text;
  $('toast').classList.add('shown');
  clearTimeout(timer);
  timer = setTimeout(() => $('toast').classList.remove('shown'), 5000);
}

/** Read aloud only: what eyes see anyway. */
export function announce(text) {
  $('live').textContent = text;
}

export async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
    say(said);
  } catch {
    say('This browser does not allow copying here.');
  }
}

export function size(bytes) {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const absolute = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
export const fullTime = (at) => absolute.format(at);
export function ago(at) {
  const minutes = Math.round((Date.now() - at) / 60000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return relative.format(-minutes, 'minute');
  if (minutes < 24 * 60) return relative.format(-Math.round(minutes / 60), 'hour');
  return fullTime(at);
}

export function extension(name) {
  const found = /\.([a-z0-9]{1,5})$/i.exec(name);
  return found ? found[1].toUpperCase() : 'FILE';
}
