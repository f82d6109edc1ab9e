// Asks a packaged viewer-request function, as Lambda would: one event a line on stdin, one result a line on stdout.
//   node handler.mjs DIR
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

// Results alone go to stdout; what the function logs goes to stderr.
console.log = console.error;
const { handler } = await import(pathToFileURL(`${process.argv[2]}/index.mjs`));
for await (const line of createInterface({ input: process.stdin })) {
  const result = await handler(JSON.parse(line));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
