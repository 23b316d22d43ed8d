/**
 * `npm run bench`: compiles the program and the benchmark once, and runs the result with plain Node.
 *
 * Nothing is measured under a TypeScript loader: its transform wraps every inner function in a call that keeps its name,
 * which the daemon that people install does not pay for the closures that it makes on each call.
 * The compiled tree keeps the folders of the source, so that the scripts are found where the program looks for them.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));
const build = join(root, 'bench-results', `build-${process.pid}`);

async function compile(folder: string): Promise<void> {
  for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(build, from.slice(root.length));
    await mkdir(dirname(to), { recursive: true });
    const text = await readFile(from, 'utf8');
    if (!entry.name.endsWith('.ts')) {
      await writeFile(to, text);
      continue;
    }
    const { outputText } = ts.transpileModule(text, {
      fileName: from,
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    await writeFile(to.replace(/\.ts$/, '.js'), outputText);
  }
}

await mkdir(build, { recursive: true });
try {
  await Promise.all(['src', 'test/support', 'test/traffic', 'test/bench'].map(compile));
  for (const shared of ['lua-scripts', 'dialplan', 'package.json'])
    await symlink(join(root, shared), join(build, shared));
  const program = spawn(process.execPath, [join(build, 'test/bench/bench.js'), ...process.argv.slice(2)], {
    stdio: 'inherit',
    cwd: root,
  });
  // Ctrl-C reaches both; the benchmark ends its servers first.
  process.on('SIGINT', () => undefined);
  process.exitCode = await new Promise<number>((resolve, reject) => {
    program.on('error', reject);
    program.on('exit', (code) => resolve(code ?? 1));
  });
} finally {
  await rm(build, { recursive: true, force: true });
}
