// What is declared is what is there.
import type * as declared from '../dist/index';
import type * as written from '../src/index';

export const same = (api: typeof written): typeof declared => api;
