// The page's side: joins the wallet (who has which token), the worker (who attaches it) and the elements (who need it).
import type { CreateFiles, Files, FilesError, Status } from './api';
import { watch, type Watch } from './elements';
import { good, posted } from './failure';
import { attach, travel } from './journey';
import { CONFIG, open, seal, type Message, type Pass, type WorkerOptions } from './protocol';
import { compile, match } from './rules';
import { createWallet, type Emit, type Held } from './wallet';

/** Stands in the address of a worker script that serves nothing but files. */
const ALONE = 'alone%22%3Atrue';

/** Milliseconds after which a download has begun, or never will: its link has ended. */
const BEGUN = 60_000;

/** Throws a `TypeError` for patterns that cannot be understood. */
export const createFiles: CreateFiles = (options) => {
  const { param = 'authorization', timeout = 5000 } = options;
  const rules = compile(options.match);
  const { origin } = rules;
  const off = options.worker === false;
  // A frame without an origin has none, and Chromium throws there.
  const container = self.origin === 'null' ? undefined : navigator.serviceWorker;
  // What the app's listener gives back or throws is its own affair.
  const emit: Emit = (event) => queueMicrotask(() => options.onEvent?.(event));
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
    const worker = off ? 'off' : container?.controller ? 'controlling' : registration ? 'waiting' : 'unavailable';
    return { worker, carrier: wallet.way(), scopes: [...wallet.held.keys()] };
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
    const { signal } = ended;
    container.addEventListener('message', onMessage as (event: MessageEvent) => void, { signal });
    if (off) {
      // What an earlier version of the app has left behind, unless it is a worker of the app's own.
      for (const left of await container.getRegistrations()) if (left.active?.scriptURL.includes(ALONE)) left.unregister();
      return;
    }
    const { url, scope } = options.worker || {};
    // In JSON no function is left of them.
    const settings: WorkerOptions = { ...options, alone: !url };
    const script = new URL(url ?? '/files-sw.js', location.href);
    script.searchParams.set(CONFIG, JSON.stringify(settings));
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
    try {
      registration = await container.register(script, { updateViaCache: 'none', scope: scope! });
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
    if (fixed) await wallet.obtain(fixed);
    // Nothing depends on the worker where the cookie comes back.
    if (wallet.way() !== 'cookie') await registered;
    const now = status();
    emit({ type: 'ready', status: now });
    return now;
  }

  function go(scopes: string[], send: (pass: Held | undefined) => Promise<Response>): Promise<Response> {
    return travel<Held>(scopes, {
      send,
      first: wallet.obtain,
      renew: (scope, { since }) => wallet.obtain(scope, 'rejected', since),
    });
  }

  const files: Files = {
    ready: start(),
    status,
    setToken: wallet.accept,

    async fetch(input, init) {
      const hit = match(rules, input);
      if (!hit) return fetch(input, init);
      return go(hit.scopes, (pass) => {
        const url = new URL(hit.url);
        const headers = new Headers(init?.headers);
        const credentials = attach(pass, url, headers, param);
        return fetch(url, { ...init, headers, credentials });
      });
    },

    async link(url, wanted) {
      // A `TypeError` for what is none of our files.
      const hit = match(rules, url)!;
      const body = { path: hit.url.pathname, ...wanted };
      const answer = await go(hit.scopes, (pass) => fetch(`${origin}/_edgepass/links`, posted(pass?.token, body)));
      return (await (await good('link', answer)).json()).url;
    },

    async download(url, filename = '') {
      try {
        const link = await files.link(url, { download: filename || true });
        // In a frame: to go there by an anchor would make Firefox end everything else that the page has under way.
        const frame = document.createElement('iframe');
        frame.src = link;
        frame.hidden = true;
        document.body.append(frame);
        setTimeout(() => frame.remove(), BEGUN);
      } catch (error) {
        // Anyone may read it, or this origin makes no links and there is a cookie.
        const { status } = error as FilesError;
        if (status !== 400 && (status !== 404 || wallet.way() !== 'cookie')) throw error;
        // What the browser would rather show than save does not replace the app.
        Object.assign(document.createElement('a'), { href: url, download: filename, target: '_blank' }).click();
      }
    },

    observe(root = document) {
      const watched = watch(root as Document, options, (url) => !!match(rules, url), status, files.ready, emit);
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
