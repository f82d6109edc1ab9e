// The page's side: joins the wallet (who has which token), the worker (who attaches it) and the elements (who need it).
import type { CreateFiles, Files, Status } from './api';
import { watch, type Watch } from './elements';
import { json, post } from './failure';
import { attach, travel } from './journey';
import { CONFIG, open, seal, type Message, type Pass, type WorkerOptions } from './protocol';
import { compile, match } from './rules';
import { createWallet, type Emit, type Held } from './wallet';

/** Throws a `TypeError` for patterns that cannot be understood. */
export const createFiles: CreateFiles = (options) => {
  const { param = 'authorization', timeout = 5000 } = options;
  const rules = compile(options.match);
  const { origin } = rules;
  const container = options.worker === false ? undefined : navigator.serviceWorker;
  const emit: Emit = options.onEvent ?? (() => undefined);
  const watches = new Set<Watch>();
  const ended = new AbortController();
  let registration: ServiceWorkerRegistration | undefined;

  const wallet = createWallet(origin, options, emit, (pass, scope) => {
    tell(pass, scope);
    changed();
  });

  const toWorker = (message: Message, to = container?.controller) => to?.postMessage(seal(origin, message));
  const tell = (pass: Held, scope: string) => toWorker({ type: 'pass', scope, pass: forWorker(pass) });

  function status(): Status {
    const there = container?.controller ? 'controlling' : registration ? 'waiting' : 'unavailable';
    return { worker: options.worker === false ? 'off' : there, carrier: wallet.carrier, scopes: [...wallet.held.keys()] };
  }

  const changed = () => watches.forEach(({ again }) => again());

  async function onMessage({ data, ports }: MessageEvent): Promise<void> {
    const message = open(origin, data);
    if (message.type === 'denied') emit(message as { type: 'denied'; url: string; status: number });
    if (message.type !== 'ask') return;
    const pass = await wallet.obtain(message.scope!, message.why!, message.not);
    ports[0]!.postMessage(pass ? forWorker(pass) : null);
  }

  async function register(): Promise<void> {
    if (!container) return;
    const { url, scope } = options.worker || {};
    // In JSON no function is left of them.
    const settings: WorkerOptions = { ...options, alone: !url };
    const script = new URL(url ?? '/files-sw.js', location.href);
    script.searchParams.set(CONFIG, JSON.stringify(settings));
    const { signal } = ended;
    let before = container.controller;
    const control = new Promise<void>((resolve) => {
      const onController = () => {
        if (before) emit({ type: 'updated' });
        before = container.controller;
        wallet.held.forEach(tell);
        changed();
        resolve();
      };
      container.addEventListener('controllerchange', onController, { signal });
      setTimeout(resolve, timeout);
    });
    container.addEventListener('message', onMessage as (event: MessageEvent) => void, { signal });
    try {
      registration = await container.register(script, { updateViaCache: 'none', ...(scope && { scope }) });
      if (!before) {
        // After a hard reload the page stays uncontrolled until it is claimed again.
        toWorker({ type: 'claim' }, registration.active);
        await control;
      }
    } catch (error) {
      emit({ type: 'error', error });
    }
    if (!container.controller) emit({ type: 'uncontrolled' });
  }

  async function start(): Promise<Status> {
    const registered = register();
    // A scope that is known before any file is asked for: then the way of the tokens is found out at once.
    const fixed = rules.rules.flatMap(({ scopes }) => scopes).find((scope) => !scope.includes('{'));
    if (fixed) await wallet.obtain(fixed, 'missing');
    // Nothing depends on the worker where the cookie comes back.
    if (wallet.carrier !== 'cookie') await registered;
    const now = status();
    emit({ type: 'ready', status: now });
    return now;
  }

  const absolute = (url: string | URL) => new URL(url, location.href).href;
  const hitOf = (url: string | URL) => match(rules, absolute(url));

  function go(scopes: string[], send: (pass: Held | undefined) => Promise<Response>): Promise<Response> {
    return travel<Held>(scopes, {
      send,
      first: (scope) => wallet.obtain(scope, 'missing'),
      renew: (scope, { since }) => wallet.obtain(scope, 'rejected', since),
    });
  }

  const files: Files = {
    ready: start(),
    status,
    setToken: wallet.accept,

    async fetch(input, init) {
      const hit = hitOf(input);
      if (!hit) return fetch(input, init);
      return go(hit.scopes, (pass) => {
        const url = new URL(hit.url);
        const headers = new Headers(init?.headers);
        const credentials = attach(pass, url, headers, param);
        return fetch(url, { ...init, headers, credentials });
      });
    },

    async link(url, wanted) {
      const hit = hitOf(url);
      if (!hit) throw new TypeError('link');
      const body = { path: hit.url.pathname, ...wanted };
      const answer = await go(hit.scopes, (pass) => post(`${origin}/_edgepass/links`, pass?.token, body));
      return new URL((await json<{ url: string }>('link', answer)).url, origin).href;
    },

    async download(url, filename = '') {
      if (wallet.carrier === 'undecided') await files.ready;
      const byCookie = wallet.carrier === 'cookie';
      const anchor = document.createElement('a');
      anchor.href = byCookie ? absolute(url) : await files.link(url, { download: filename });
      anchor.download = filename;
      // What the browser would rather show than save does not replace the app.
      if (byCookie) anchor.target = '_blank';
      anchor.click();
    },

    observe(root = document) {
      const watched = watch(root as Document, options, (url) => !!hitOf(url), status, files.ready, emit);
      watches.add(watched);
      return () => {
        watched.end();
        watches.delete(watched);
      };
    },

    async update() {
      await registration?.update();
      return !!registration?.installing;
    },

    async logout() {
      toWorker({ type: 'logout' }, registration?.active);
      await wallet.logout();
      emit({ type: 'loggedout' });
    },

    destroy() {
      wallet.end();
      ended.abort();
      watches.forEach(({ end }) => end());
    },
  };
  return files;
};

/** The worker is told no token that the browser attaches by itself. */
function forWorker({ token, ...pass }: Held): Pass {
  return pass.carrier === 'cookie' ? pass : { ...pass, token };
}
