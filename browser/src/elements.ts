// Elements of the page that show our files: asks again for those that failed before a pass was there, and gives media the
// attribute without which they could not load.
import type { FilesOptions, Status } from './api';
import type { Emit } from './wallet';

export interface Watch {
  /** A pass or a worker came: what failed before may succeed now. */
  again(): void;
  end(): void;
}

/** One of them; it has the members of its kind only. */
type Shown = HTMLElement & Partial<HTMLImageElement & HTMLMediaElement>;

const SHOWN = 'img,video,audio';
/** `HTMLMediaElement.NETWORK_NO_SOURCE`. */
const NO_SOURCE = 3;

export function watch(
  root: ParentNode & Node,
  { heal = true, media = 'upgrade' }: FilesOptions,
  isOurs: (url: string) => boolean,
  now: () => Status,
  ready: Promise<unknown>,
  emit: Emit,
): Watch {
  /** Asked for again since the last pass or worker came: once is enough. */
  let tried = new WeakSet<Shown>();

  async function see(shown: Shown, isLost: unknown): Promise<void> {
    const url = shown.currentSrc || shown.src || (shown.firstElementChild as HTMLSourceElement | null)?.src || '';
    if (!isOurs(url)) return;
    if (media === 'upgrade') upgrade(shown, now().carrier);
    if (!heal || !isLost) return;
    await ready;
    if (tried.has(shown)) return;
    tried.add(shown);
    shown.addEventListener(shown.load ? 'loadeddata' : 'load', () => emit({ type: 'healed', url }), { once: true });
    if (shown.load) return shown.load();
    // To set it is to ask, the same value or another.
    shown.srcset &&= shown.srcset;
    shown.src &&= shown.src;
  }

  function look(node: Node): void {
    const each = (shown: Shown) => void see(shown, shown.error || shown.networkState === NO_SOURCE || (shown.complete && !shown.naturalWidth));
    // Text has neither method, a document has no second.
    (node as Document).querySelectorAll?.<Shown>(SHOWN).forEach(each);
    if ((node as Shown).matches?.(SHOWN)) each(node as Shown);
  }

  const onError = ({ target }: Event) => {
    // A `<source>` fails for its media.
    const shown = (target as Element).closest<Shown>(SHOWN);
    if (shown) void see(shown, true);
  };

  const observer = new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) (type === 'attributes' ? [target] : addedNodes).forEach(look);
  });

  root.addEventListener('error', onError, true);
  observer.observe(root, { childList: true, subtree: true, attributeFilter: ['src'] });
  look(root);

  return {
    again() {
      tried = new WeakSet();
      look(root);
    },
    end() {
      observer.disconnect();
      root.removeEventListener('error', onError, true);
    },
  };
}

/**
 * Firefox (and the standard after it) shows no worker the requests of media without `crossorigin`. By cookie they need no worker;
 * there it is `crossorigin` that leaves the cookie at home.
 */
function upgrade(shown: Shown, carrier: Status['carrier']): void {
  const byCookie = carrier === 'cookie';
  const given = shown.crossOrigin;
  if (carrier === 'undecided' || (byCookie ? given !== 'anonymous' : given !== null || !shown.load)) return;
  shown.crossOrigin = byCookie ? 'use-credentials' : 'anonymous';
  // Media read the attribute when they begin to load.
  if (shown.networkState && !shown.readyState) shown.load!();
}
