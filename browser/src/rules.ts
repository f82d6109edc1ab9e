// Decides whether a URL is one of our files, and which scopes may open it. Pure; runs in the page and in the worker.
import type { FileRule } from './api';

export interface Rules {
  origin: string;
  rules: { path: RegExp; scopes: string[] }[];
}

export interface Hit {
  url: URL;
  /** The file's own scope, then the fallbacks. */
  scopes: string[];
}

const PATTERN = /^(https?:\/\/[^/?#@]+)\/(([^/{}*?#]+|\{\w+\})\/)*([^/{}*?#]+|\{\w+(\.{3}|\*)?\})$/i;
const PLACEHOLDER = /^\{(\w+)(\W*)\}$/;

/** Throws a `TypeError` that names the pattern that cannot be understood. */
export function compile(list: FileRule[]): Rules {
  let origin = '';
  const rules = list.map(({ pattern, scope, fallback = [] }) => {
    const [, given] = PATTERN.exec(pattern) ?? [];
    const own = given && new URL(given).origin;
    // One worker, one cookie and one way of tokens: one origin.
    if (!own || own !== (origin ||= own)) throw new TypeError(`match: \`${pattern}\``);
    const texts = pattern.slice(given.length + 1).split('/');
    const path = texts.map((text) => {
      const [, name, rest] = PLACEHOLDER.exec(text) ?? [];
      return name ? `(?<${name}>${rest ? '.+' : '[^/]+'})` : encodeURIComponent(text).replace(/[.*()]/g, '\\$&');
    });
    return { path: new RegExp(`^${path.join('/')}$`), scopes: [scope, ...fallback] };
  });
  return { origin, rules };
}

/** Exactly our scheme, host and port, no user in the URL, and one reading of the path: else it is none of ours. */
export function match({ origin, rules }: Rules, address: string | URL): Hit | undefined {
  try {
    const url = new URL(address, location.href);
    // A link opens its file by itself, and no token may travel beside it.
    if (url.origin !== origin || url.username || url.password || url.searchParams.has('link')) return;
    const segments = url.pathname.slice(1).split('/').map(decodeURIComponent);
    // Empty and dot segments, what a server behind us might take for a separator or an end, and the gateway's own prefix.
    if (segments[0] === '_edgepass' || segments.some((text) => /^\.{0,2}$|[/\\\0]/.test(text))) return;
    const path = segments.map(encodeURIComponent).join('/');
    for (const rule of rules) {
      const found = rule.path.exec(path)?.groups;
      const fill = (_: string, name: string) => decodeURIComponent(found![name]!);
      if (found) return { url, scopes: rule.scopes.map((scope) => scope.replace(/\{(\w+)\}/g, fill)) };
    }
  } catch {
    // No URL, or no UTF-8.
  }
  return;
}
