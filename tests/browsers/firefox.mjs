// Firefox by WebDriver BiDi. Reads one JSON list a line, [what, …arguments], and answers each with one line.
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';

const settings = JSON.parse(process.argv[2]);
const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath: '/usr/bin/firefox-esr',
  headless: true,
  userDataDir: settings.profile,
  // By https its certificate is verified, by the profile's own authority.
  acceptInsecureCerts: !settings.secure,
  extraPrefsFirefox: {
    'media.autoplay.default': 0,
    // Milliseconds: workers come and go in every check.
    'dom.serviceWorkers.idle_timeout': 1000,
    'dom.serviceWorkers.idle_extended_timeout': 1000,
    ...(settings.secure && { 'network.dns.forceResolve': '127.0.0.1' }),
    'browser.privatebrowsing.autostart': settings.private,
    'browser.download.dir': settings.downloads,
    'browser.download.folderList': 2,
    'browser.download.useDownloadDir': true,
    'browser.download.always_ask_before_handling_new_types': false,
    'browser.helperApps.neverAsk.saveToDisk': 'application/octet-stream,video/mp4,image/png',
  },
});

const tabs = new Map();
let last = 0;
// Pages say themselves when they are there: nothing is waited for.
const go = (tab, url) => tab.goto(url, { waitUntil: [] });

const commands = {
  async open(url) {
    const tab = await browser.newPage();
    tabs.set(++last, tab);
    await go(tab, url);
    return last;
  },
  goto: async (number, url) => void (await go(tabs.get(number), url)),
  reload: async (number) => void (await tabs.get(number).reload({ waitUntil: [] })),
  async close(number) {
    await tabs.get(number).close();
    tabs.delete(number);
  },
};

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
say({ done: null });
for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...rest] = JSON.parse(line);
  try {
    say({ done: (await commands[what](...rest)) ?? null });
  } catch (error) {
    say({ error: `${what}: ${error.stack}` });
  }
}
await browser.close();
