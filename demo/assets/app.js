// The page of the demo app. What it does with Edgepass stands in files.js; the rest is any app's.
//
// For tests:
//   [data-user="ada"]                   buttons that sign in; [data-switch="ada"] in the menu behind #who-am-i
//   #sign-out  #me-title                signed in
//   #text  #post                        a post of words; files that are up go with it, where [their name] stands in the words
//   #drop  #file-input                  choosing files; with #text empty they post themselves when all are up
//   .upload[data-state]                 waiting | sending | done | failed | cancelled; holds <progress>, .cancel, .retry, .trouble
//   .post  .post img|video|audio|iframe the feed, newest first; .post a.doc for other types; [data-path] the stable path
//   .address code  .copy .open .download   the stable URL
//   .post .delete  #confirm             deleting a post of one's own; #post-ID in the page's address shows one alone
//   .refused[data-status][data-code]    in the place of a file that does not open; .why explains it
//   #own-result #colleague-result #anonymous-result #other-result   [data-status] HTTP status, or empty
//   #try #address #tried                an address that somebody pastes
//   #app-bytes #file-bytes              [data-bytes]
//   #mode                               [data-carrier] [data-worker]
import { checkFile, checkWhoSees, takeAddresses } from './checks.js';
import { takeFiles } from './composer.js';
import { refreshFeed, watchNewest } from './feed.js';
import { files, openFiles } from './files.js';
import { $, say } from './page.js';
import { mayUpload, me, showMe, showWelcome, signInAgain, signOut, whoAmI } from './people.js';
import { countBytes } from './traffic.js';
import { retryExpired } from './uploads.js';

/** Milliseconds between looks at the feed, and at the app's count of bytes. */
const FEED_EVERY = 5000;
const BYTES_EVERY = 15000;

function showBoard() {
  showMe();
  takeFiles();
  takeAddresses();
  $('board').hidden = false;
  $('samples').hidden = !mayUpload();
  if (!mayUpload()) $('empty-hint').textContent = 'What the others post appears here.';
  openFiles(onFilesEvent);
  showMode();
  watchNewest(checkFile);
  refreshFeed();
  countBytes();
  setInterval(() => document.hidden || refreshFeed(), FEED_EVERY);
  setInterval(() => document.hidden || countBytes(), BYTES_EVERY);
}

function onFilesEvent({ type }) {
  // Another tab signed out: nothing of the board stays on the screen.
  if (type === 'loggedout' && !leaving) location.assign('/');
  showMode();
}

function showMode() {
  if (!files) return;
  const { carrier, worker } = files.status();
  const how = { cookie: 'by cookie', header: 'by header', query: 'by query', undecided: 'not yet known' }[carrier];
  const helper = { controlling: 'worker in charge', waiting: 'worker starting', unavailable: 'no worker', off: 'no worker' }[worker];
  $('mode').textContent = `Your pass travels ${how}; ${helper}.`;
  Object.assign($('mode').dataset, { carrier, worker });
}

let leaving = false;
$('sign-out').addEventListener('click', () => {
  leaving = true;
  signOut();
});
$('others').addEventListener('click', ({ target }) => (leaving = !!target.closest('button')), true);
$('check').addEventListener('click', checkWhoSees);
$('again').addEventListener('click', async () => {
  if (!(await signInAgain())) return;
  retryExpired();
  refreshFeed();
});
$('samples').addEventListener('click', async ({ currentTarget }) => {
  currentTarget.disabled = true;
  const { postSamples } = await import('./samples.js');
  await postSamples().catch((error) => say(`Not posted: ${error.message}`));
  await refreshFeed();
  currentTarget.disabled = false;
});

if (await whoAmI()) showBoard();
else showWelcome(showBoard);
