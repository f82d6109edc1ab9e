// The page of every check. It asks the app what to do, does it, and reports: any browser that can open a URL can be tested.
const events = [];
let files;

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
/** Undefined where `promise` takes longer. */
const within = (milliseconds, promise) => Promise.race([promise, wait(milliseconds)]);
const PATIENCE = 20_000;

async function getToken(scope, why) {
  const answer = await fetch(`/token/${setup.id}?${new URLSearchParams({ scope, why })}`);
  if (!answer.ok) throw new Error(`token: ${answer.status}`);
  return (await answer.json()).token;
}

function begin(options) {
  files = edgepass.createFiles({ ...options, getToken, onEvent: (event) => events.push({ ...event, error: String(event.error) }) });
  files.observe();
}

/** What came of an element: its width, 1 for one that has none, 0 for an error. */
function shown(element, put, good = 'load') {
  const seen = new Promise((resolve) => {
    element.addEventListener(good, () => resolve(element.naturalWidth ?? element.videoWidth ?? 1), { once: true });
    element.addEventListener('error', () => resolve(0), { once: true });
  });
  put();
  return within(PATIENCE, seen);
}

function put(name, attributes) {
  const element = document.createElement(name);
  return shown(element, () => {
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    document.body.append(element);
  });
}

const image = (url, attributes = {}) => put('img', { ...attributes, src: url });

async function read(url, init, get = fetch) {
  const answer = await get(url, init);
  const body = await answer.arrayBuffer();
  const [range, etag] = ['content-range', 'etag'].map((name) => answer.headers.get(name));
  return { status: answer.status, size: body.byteLength, range, etag, url: answer.url, type: answer.type };
}

/** Plays, jumps to 90 %, plays on. */
async function film(url, attributes = {}) {
  const video = document.createElement('video');
  video.muted = true;
  const failed = new Promise((resolve) => video.addEventListener('error', () => resolve({ error: `${video.error?.code} ${video.error?.message}` })));
  const played = async () => {
    const on = (what) => new Promise((resolve) => video.addEventListener(what, resolve, { once: true }));
    const beyond = async (time) => {
      while (video.currentTime <= time) await wait(20);
    };
    await on('loadeddata');
    await video.play();
    await beyond(0.2);
    const target = video.duration * 0.9;
    const seeked = on('seeked');
    video.currentTime = target;
    await seeked;
    await beyond(target + 0.2);
    const seen = { width: video.videoWidth, duration: video.duration, time: video.currentTime };
    return { ...seen, pixels: pixels(video), crossOrigin: video.crossOrigin };
  };
  const done = played();
  for (const key in attributes) video.setAttribute(key, attributes[key]);
  document.body.append(video);
  video.src = url;
  const result = await within(PATIENCE, Promise.race([done, failed]));
  video.pause();
  window.film = video;
  return result ?? { error: `no end: state ${video.readyState}, network ${video.networkState}, at ${video.currentTime}` };
}

/** `clean`: a canvas that this was drawn on can be read. */
function pixels(element) {
  const context = document.createElement('canvas').getContext('2d');
  context.drawImage(element, 0, 0, 2, 2);
  try {
    return context.getImageData(0, 0, 1, 1).data[3] === 255 ? 'clean' : 'empty';
  } catch (error) {
    return error.name;
  }
}

const battery = {
  ready: () => within(PATIENCE, files.ready),
  /** Until the worker is in charge, or cannot be. */
  async control() {
    for (let n = 0; n < 100 && files.status().worker === 'waiting'; n++) await wait(50);
  },
  status: () => files.status(),
  events: () => events,
  image,
  put,
  film,
  fetch: read,
  fetches: (urls) => Promise.all(urls.map(async (url) => (await files.fetch(url)).status)),
  images: (urls) => Promise.all(urls.map((url) => image(url))),
  /** How wide the element is, once it is. */
  async width(selector) {
    const element = document.querySelector(selector);
    for (let n = 0; n < 100 && !(element.naturalWidth || element.videoWidth); n++) await wait(50);
    return element.naturalWidth ?? element.videoWidth;
  },
  background(url) {
    const box = document.createElement('div');
    box.style.cssText = `width:9px;height:9px;background:url(${url})`;
    document.body.append(box);
  },
  async stylesheet(url) {
    const loaded = await put('link', { rel: 'stylesheet', href: url });
    const box = document.createElement('div');
    box.className = 'from-the-store';
    box.textContent = 'text';
    document.body.append(box);
    const font = await within(PATIENCE, document.fonts.load('16px stored').catch((error) => String(error)));
    return { loaded, width: getComputedStyle(box).width, font: font?.[0]?.status ?? font };
  },
  script: async (url) => [await put('script', { src: url }), window.fromTheStore ?? null],
  module: async (url) => (await import(url)).default,
  /** A picture drawn on a canvas: readable or not. */
  async drawn(url, attributes) {
    const width = await image(url, attributes);
    return { width, pixels: pixels(document.body.lastElementChild) };
  },
  filesFetch: (url, init) => read(url, init, files.fetch),
  worker(urls) {
    const worker = new Worker('/worker.js');
    const said = new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
    worker.postMessage(urls);
    return within(PATIENCE, said);
  },
  xhr: (url) =>
    new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.onloadend = () => resolve({ status: request.status, url: request.responseURL });
      request.open('GET', url);
      request.send();
    }),
  /** All addresses that a script of the page can see. */
  seen: () => [location.href, document.referrer, ...performance.getEntries().map(({ name }) => name)],
  json: async (url, init) => (await fetch(url, init)).json(),
  pause: wait,
  /** A link that is clicked, in a frame of its own. */
  async follow(url) {
    const frame = document.createElement('iframe');
    frame.name = 'there';
    document.body.append(frame);
    const link = Object.assign(document.createElement('a'), { href: url, target: 'there' });
    return shown(frame, () => link.click());
  },
  /** What comes of a request while a file is saved. */
  async downloadBeside(slow, ...list) {
    const going = fetch(slow).then(({ status }) => status, String);
    await files.download(...list);
    return going;
  },
  call: (method, ...list) => Promise.resolve(files[method](...list)).then((value) => (method === 'fetch' ? value.status : value)),
  /** `call`, for what is refused. */
  refused: (method, ...list) =>
    files[method](...list).then(
      () => null,
      ({ name, stage, status, code, id }) => ({ name, stage, status, code, id }),
    ),
  async stored() {
    const databases = await (indexedDB.databases?.() ?? []);
    const names = databases.map(({ name }) => name);
    return { cookies: document.cookie, caches: await caches.keys(), databases: names, tokens: await tokensOnDisk(names) };
  },
  /** The worker that answers now: it says when it was born, where the check has told it to. */
  born() {
    const { port1, port2 } = new MessageChannel();
    const said = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
    navigator.serviceWorker.controller.postMessage('born', [port2]);
    return within(PATIENCE, said);
  },
  forms: async () => [edgepass, await import('/index.js')].map((form) => Object.keys(form).sort()),
  registrations: async () => (await navigator.serviceWorker.getRegistrations()).length,
  controlled: () => !!navigator.serviceWorker?.controller,
  playing: () => ({ paused: window.film.paused, time: window.film.currentTime, error: window.film.error?.code ?? null }),
  async play() {
    window.film.currentTime = 0;
    await window.film.play();
  },
  /** `token`: null for the app's. `remember` and `resume`: over a reload of the page. */
  async upload(origin, { name, type, size, cancelAfter = Infinity, remember, resume, ...options }) {
    const content = new Uint32Array(size / 4);
    for (let n = 0; n < content.length; n++) content[n] = n;
    const file = new File([content], name, { type, lastModified: 1 });
    const sent = [];
    const stop = new AbortController();
    const onProgress = (bytes) => {
      sent.push(bytes);
      if (bytes >= cancelAfter) stop.abort();
    };
    options.token ??= () => getToken('upload', 'missing');
    if (remember) options.onBegun = (begun) => sessionStorage.setItem('begun', JSON.stringify(begun));
    if (resume) options.resume = JSON.parse(sessionStorage.getItem('begun'));
    try {
      const done = await edgepass.uploadFile(origin, file, { retries: 1, ...options, onProgress, signal: stop.signal });
      return { ...done, sent: sent.at(-1) ?? null };
    } catch ({ name: error, stage, status, code, id }) {
      return { error, stage, status, code, id };
    }
  },
};

async function tokensOnDisk(names) {
  if (!names.includes('edgepass')) return [];
  const answer = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }));
  const database = await answer(indexedDB.open('edgepass'));
  const keys = await answer(database.transaction('tokens').objectStore('tokens').getAllKeys());
  database.close();
  return keys;
}

async function work() {
  const load = String(Math.random());
  for (let first = '1'; ; first = '') {
    const answer = await fetch(`/orders/${setup.id}?${new URLSearchParams({ load, first })}`).catch(() => undefined);
    if (!answer) await wait(100);
    else if (!answer.ok) return;
    const order = await answer?.json();
    if (order) void perform(order);
  }
}

async function perform({ number, what, arguments: list }) {
  const report = { number };
  try {
    report.value = (await battery[what](...list)) ?? null;
  } catch (error) {
    report.error = `${what}: ${error} ${error.stack ?? ''}`;
  }
  await fetch(`/report/${setup.id}`, { method: 'POST', body: JSON.stringify(report) });
}

if (setup.options) begin(setup.options);
void work();
