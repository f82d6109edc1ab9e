// Runs a CloudFront Function on events: node run.mjs CODE STORE, an event a line on stdin, a {result, logs} or {error} a line.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { load } from '../../../crates/cloudfront/runtime/function.mjs';

const [code, store] = process.argv.slice(2).map((file) => readFileSync(file, 'utf8'));
const loaded = load(code, JSON.parse(store));
for await (const line of createInterface({ input: process.stdin })) {
  const outcome = await loaded.run(JSON.parse(line)).catch((error) => ({ error: String(error) }));
  console.log(JSON.stringify(outcome));
}
