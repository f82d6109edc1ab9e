// The worker script. Registered by `createFiles` it finds its settings in its own URL and starts by itself; an app with a worker
// of its own calls `importScripts('/files-sw.js')` first thing, and either registers it through `createFiles` or calls
// `installFiles(self, options)`.
import { createCourier } from './courier';
import * as disk from './disk';
import { CONFIG, open, seal, type Message, type Pass, type WorkerOptions } from './protocol';
import { compile } from './rules';

declare const self: ServiceWorkerGlobalScope & { installFiles: typeof installFiles };

/** Milliseconds after which the other windows are asked as well: a frozen tab answers nothing. */
const PATIENCE = 1000;

/** What it returns is true for a fetch event that it has answered. */
export function installFiles(worker: ServiceWorkerGlobalScope, options: WorkerOptions): (event: FetchEvent) => boolean {
  const rules = compile(options.match);
  const { origin } = rules;
  const { clients } = worker;

  async function ask(message: Message, asking: string): Promise<Pass | null | undefined> {
    // The asking client may be no window (a worker of the page), or gone. Windows come with the last focused one first.
    const windows = [...(await clients.matchAll({ type: 'window', includeUncontrolled: true }))];
    windows.sort((a, b) => +(b.id === asking) - +(a.id === asking));
    if (!windows[0]) return;
    return new Promise((resolve) => {
      const put = (client: Client) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => {
          clearTimeout(patience);
          resolve(data);
        };
        client.postMessage(seal(origin, message), [port2]);
      };
      const patience = setTimeout(() => windows.slice(1).forEach(put), PATIENCE);
      setTimeout(resolve, options.timeout ?? 5000);
      put(windows[0]!);
    });
  }

  const courier = createCourier(rules, options, {
    ...{ ask, read: disk.read, write: disk.write },
    fetch: (input, init) => fetch(input, init),
    tell: async (message, client) => (await clients.get(client))?.postMessage(seal(origin, message)),
    now: () => Date.now() / 1000,
  });

  worker.addEventListener('message', (event) => {
    const message = open(origin, event.data);
    // After a hard reload the page stays uncontrolled until it is claimed again.
    if (message.type === 'claim') event.waitUntil(clients.claim());
    if (message.type === 'pass') courier.put(message.scope!, message.pass!);
    if (message.type === 'logout') {
      courier.forget();
      event.waitUntil(disk.erase(`${origin} `));
    }
  });

  return (event) => {
    const hit = courier.wants(event.request);
    if (hit) event.respondWith(courier.serve(event.request, hit, event.clientId));
    return !!hit;
  };
}

self.installFiles = installFiles;

const config = new URL(self.location.href).searchParams.get(CONFIG);
if (config) {
  const options: WorkerOptions = JSON.parse(config);
  const answer = installFiles(self, options);
  // Nobody else may answer what is answered.
  self.addEventListener('fetch', (event) => answer(event) && event.stopImmediatePropagation());
  self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
  self.addEventListener('install', (event) => {
    event.waitUntil(self.skipWaiting());
    if (options.alone && compile(options.match).origin !== self.location.origin) leaveTheAppAlone(event);
  });
}

/** Where the browser knows routes, what is none of ours does not wait for the worker to start. */
function leaveTheAppAlone(event: ExtendableEvent & { addRoutes?(routes: unknown): Promise<void> }): void {
  const { protocol, hostname, port } = self.location;
  const urlPattern = { protocol: protocol.slice(0, -1), hostname, port };
  const routes = [{ requestMode: 'navigate' }, { urlPattern }].map((condition) => ({ condition, source: 'network' }));
  event.addRoutes?.(routes).catch(() => undefined);
}
