/**
 * Builds the page into dist/page: hashed files, each also as gzip and Brotli, because the daemon sends them as they lie.
 * `npm run dev:page` serves it with hot reload and passes the API on to a daemon (TOLLGATE_URL, by default the usual port).
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import react from '@vitejs/plugin-react';
import presetMantine from 'postcss-preset-mantine';
import { defineConfig, type Plugin } from 'vite';

const OUT = join(import.meta.dirname, 'dist/page');
const DAEMON = process.env['TOLLGATE_URL'] ?? 'http://127.0.0.1:8480';

const compressed = (): Plugin => ({
  name: 'tollgate:compressed',
  apply: 'build',
  closeBundle: async () => {
    const entries = await readdir(join(OUT, 'assets'));
    const texts = entries.filter((name) => /\.(?:js|css|svg)$/.test(name));
    await Promise.all(
      texts.map(async (name) => {
        const path = join(OUT, 'assets', name);
        const bytes = await readFile(path);
        await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
        const best = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes, best));
      }),
    );
  },
});

export default defineConfig({
  root: join(import.meta.dirname, 'src/page'),
  base: '/',
  publicDir: false,
  plugins: [react(), compressed()],
  css: { postcss: { plugins: [presetMantine()] } },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    // The policy of the page allows no data: scripts or fonts, and inlined modules would miss the cache.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: true,
  },
  server: { proxy: { '/api': { target: DAEMON, changeOrigin: true } } },
});
