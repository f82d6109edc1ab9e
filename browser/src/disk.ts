// IndexedDB, where it works. Third-party frames and hardened browsers refuse it: then nothing is remembered.
import { createStore, promisifyRequest, type UseStore } from 'idb-keyval';

let store: UseStore | undefined;

export function read<T>(key: string): Promise<T | undefined> {
  return use('readonly', (tokens) => promisifyRequest(tokens.get(key) as IDBRequest<T>));
}

export function write(key: string, value: unknown): Promise<unknown> {
  return use('readwrite', (tokens) => promisifyRequest(tokens.put(value, key)));
}

/** All keys that begin so. */
export function erase(prefix: string): Promise<unknown> {
  return use('readwrite', (tokens) => promisifyRequest(tokens.delete(IDBKeyRange.bound(prefix, prefix + '\uffff'))));
}

async function use<T>(mode: IDBTransactionMode, work: (tokens: IDBObjectStore) => Promise<T>, again = true): Promise<T | undefined> {
  try {
    return await (store ??= createStore('edgepass', 'tokens'))(mode, work);
  } catch (error) {
    store = undefined;
    // iOS closes the connection under us without telling: open it once more.
    return again && (error as Error).name === 'InvalidStateError' ? use(mode, work, false) : undefined;
  }
}
