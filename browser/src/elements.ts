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
  /** An element is asked for again once in each generation. */
  const tried = new WeakMap<Shown, number>();
  let generation = 0;

  async function mend(shown: Shown): Promise<void> {
    const url = urlOf(shown);
    if (!heal || !isOurs(url)) return;
    await ready;
    if (tried.get(shown) === generation) return;
    tried.set(shown, generation);
    shown.addEventListener(shown.load ? 'loadeddata' : 'load', () => emit({ type: 'healed', url }), { once: true });
    askAgain(shown);
  }

  function look(node: Node): void {
    // Text has neither method, a document has no first.
    const list = [...((node as Document).querySelectorAll?.<Shown>(SHOWN) ?? [])];
    if ((node as Shown).matches?.(SHOWN)) list.push(node as Shown);
    for (const shown of list) {
      if (media === 'upgrade' && isOurs(urlOf(shown))) upgrade(shown, now().carrier);
      const isLost = shown.error || shown.networkState === NO_SOURCE || (shown.complete && !shown.naturalWidth);
      if (isLost) void mend(shown);
    }
  }

  const onError = ({ target }: Event) => {
    // A `<source>` fails for its media.
    const shown = (target as Element).closest?.<Shown>(SHOWN);
    if (shown) void mend(shown);
  };

  const observer = new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) (type === 'attributes' ? [target] : addedNodes).forEach(look);
  });

  root.addEventListener('error', onError, true);
  observer.observe(root, { childList: true, subtree: true, attributeFilter: ['src'] });
  look(root);

  return {
    again() {
      generation++;
      look(root);
    },
    end() {
      observer.disconnect();
      root.removeEventListener('error', onError, true);
    },
  };
}

function urlOf({ currentSrc, src, firstElementChild }: Shown): string {
  return currentSrc || src || (firstElementChild as HTMLSourceElement | null)?.src || '';
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
  if (shown.networkState && !shown.readyState) shown.load?.();
}

function askAgain(shown: Shown): void {
  if (shown.load) return shown.load();
  for (const name of ['srcset', 'src'] as const) {
    // To set it is to ask, the same value or another.
    if (shown[name]) shown[name] = shown[name];
  }
}
