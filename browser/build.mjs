// Builds dist/, which is committed: the same sources give the same bytes.
//   node build.mjs            writes dist/, prints sizes, fails over the budget
//   node build.mjs --check    fails if dist/ is not what the sources give
//   node build.mjs --tests    bundles test/*.test.ts into .tests/
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const KIB = 1024;

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const banner = (rest = '') => ({ js: `/*! @edgepass/browser ${version}, MIT OR Apache-2.0${rest} */` });
/** Names of members that are used between our own files: neither the platform's, nor the user's, nor in a message or on a disk. */
const mangleProps = /^(accept|again|end|first|forget|held|obtain|onSent|renew|rules|serve|tell|wants|way)$/;
const shared = { mangleProps, bundle: true, minify: true, target: 'es2022', charset: 'utf8', legalComments: 'none', write: false };

async function outputs() {
  const built = await Promise.all([
    build({ ...shared, entryPoints: ['src/index.ts'], outfile: 'index.js', format: 'esm', banner: banner() }),
    build({ ...shared, entryPoints: ['src/index.ts'], outfile: 'index.global.js', format: 'iife', globalName: 'edgepass', banner: banner() }),
    build({ ...shared, entryPoints: ['src/files-sw.ts'], outfile: 'files-sw.js', format: 'iife', banner: banner('; idb-keyval, Apache-2.0') }),
  ]);
  const types = await readFile('src/api.ts', 'utf8');
  const declared = 'export declare const createFiles: CreateFiles;\nexport declare const uploadFile: UploadFile;\n';
  const scripts = built.flatMap(({ outputFiles }) => outputFiles).map(({ path, text }) => [path.split(/[\\/]/).at(-1), text]);
  return new Map([...scripts, ['index.d.ts', `${types}\n${declared}`]]);
}

async function tests() {
  await rm('.tests', { recursive: true, force: true });
  const entryPoints = (await readdir('test')).filter((name) => name.endsWith('.test.ts')).map((name) => `test/${name}`);
  await build({ entryPoints, bundle: true, platform: 'node', target: 'node20', format: 'esm', outdir: '.tests', outExtension: { '.js': '.mjs' } });
}

/** The scripts as they are, and the two halves of the page's as a bundler takes them out of it. */
async function isWithinBudget(made) {
  const half = async (name) => {
    const contents = `export { ${name} } from './src/index.ts'`;
    const { outputFiles } = await build({ ...shared, stdin: { contents, resolveDir: '.' }, format: 'esm' });
    return outputFiles[0].text;
  };
  const sizes = Object.entries({
    'files-sw.js': [made.get('files-sw.js'), 3.0],
    createFiles: [await half('createFiles'), 4.0],
    uploadFile: [await half('uploadFile'), 2.5],
    'index.js': [made.get('index.js'), 6.0],
  });
  let fits = true;
  for (const [name, [text, budget]] of sizes) {
    const small = gzipSync(text, { level: 9 }).length;
    console.log(`${name.padEnd(12)} ${String(Buffer.byteLength(text)).padStart(6)} min ${String(small).padStart(5)} gz, at most ${budget * KIB}`);
    fits &&= small <= budget * KIB;
  }
  if (!fits) console.error('over the budget');
  return fits;
}

async function isCommitted(made) {
  let same = true;
  for (const [name, text] of made) {
    if ((await readFile(`dist/${name}`, 'utf8').catch(() => undefined)) === text) continue;
    console.error(`dist/${name} is not what the sources give: npm run build`);
    same = false;
  }
  return same;
}

process.chdir(import.meta.dirname ?? new URL('.', import.meta.url).pathname);
if (process.argv.includes('--tests')) {
  await tests();
} else {
  const made = await outputs();
  let good = await isWithinBudget(made);
  if (process.argv.includes('--check')) good = (await isCommitted(made)) && good;
  else {
    await mkdir('dist', { recursive: true });
    for (const [name, text] of made) await writeFile(`dist/${name}`, text);
  }
  process.exitCode = good ? 0 : 1;
}
