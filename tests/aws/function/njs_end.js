// Stands behind the function's code for `njs`, the engine whose list of features CloudFront's runtime 2.0 has: an event a line
// in ./events, an outcome a line out. What the function logs comes in lines before it.
import fs from 'fs';

async function run() {
  const lines = fs.readFileSync('events').toString().split('\n');
  for (let i = 0; i < lines.length; i++) {
    let outcome;
    try {
      outcome = { result: await handler(JSON.parse(lines[i])) };
    } catch (error) {
      outcome = { error: String(error) };
    }
    console.log('OUTCOME ' + JSON.stringify(outcome));
  }
}
run();
