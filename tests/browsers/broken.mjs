// Builds the package with one piece of text in one source replaced.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const browser = new URL('../../browser/', import.meta.url);
const { build } = createRequire(browser)('esbuild');
const { file, text, instead, directory } = JSON.parse(process.argv[2]);

const mistake = {
  name: 'mistake',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      if (!path.endsWith(`/src/${file}`)) return { contents: source, loader: 'ts' };
      if (source.split(text).length !== 2) throw new Error(`not once in ${file}: ${text}`);
      return { contents: source.replace(text, () => instead), loader: 'ts' };
    });
  },
};

const at = (path) => fileURLToPath(new URL(path, browser));
const shared = { bundle: true, target: 'es2022', format: 'iife', plugins: [mistake], logLevel: 'error' };
await build({ ...shared, entryPoints: [at('src/index.ts')], outfile: `${directory}/index.global.js`, globalName: 'edgepass' });
await build({ ...shared, entryPoints: [at('src/files-sw.ts')], outfile: `${directory}/files-sw.js` });
