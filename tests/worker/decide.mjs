// The module that verifies signatures itself, in Node.js: one viewer-request event a line on stdin, one decision a line on
// stdout; what is to be logged goes to stderr.
//   node decide.mjs DIR      DIR: what ./build-aws built for workers, with site.json
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const directory = process.argv[2];
const { Authorizer } = await import(pathToFileURL(`${directory}/authorizer.mjs`));
const read = (name) => readFileSync(`${directory}/${name}`);
const authorizer = new Authorizer(new WebAssembly.Module(read('edgepass-pure.wasm')), read('site.json').toString());
for await (const line of createInterface({ input: process.stdin })) {
  const { config, request } = JSON.parse(line).Records[0].cf;
  const { method, uri, querystring, headers } = request;
  const decision = authorizer.decide({ id: config.requestId, method, uri, querystring, headers });
  if (decision.answer?.log) console.error(decision.answer.log);
  process.stdout.write(`${JSON.stringify(decision)}\n`);
}
