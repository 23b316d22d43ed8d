/**
 * Builds the Debian package out of `dist/` and the production packages in `node_modules/`: nothing is fetched, and only
 * dpkg-deb is needed. Prints the path of the package.
 *
 *   node docker/build-deb.mjs [--out FOLDER] [--version VERSION]
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';

const PROJECT = resolve(import.meta.dirname, '..');
const SHIPPED = ['dist', 'dialplan', 'lua-scripts', 'docs', 'README.md', 'CHANGELOG.md', 'LICENSE'];

const manifest = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8'));
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(PROJECT, 'dist-deb') },
    version: { type: 'string', default: manifest.version },
  },
});
const { version } = values;
// Into versions and file names, and read by dpkg.
if (!/^\d[\w.+~]*$/.test(version)) throw new Error(`not a version of a Debian package: ${version}`);
await stat(join(PROJECT, 'dist/main.js')).catch(() => {
  throw new Error('there is no dist/main.js; run: npm run build');
});

const run = (program, args) => execFileSync(program, args, { encoding: 'utf8', cwd: PROJECT, maxBuffer: 1e8 });
const architecture = run('dpkg', ['--print-architecture']).trim();

const stage = await mkdtemp(join(tmpdir(), 'tollgate-deb-'));
try {
  await chmod(stage, 0o755);
  const home = join(stage, 'usr/lib/tollgate');
  await mkdir(home, { recursive: true });
  for (const name of SHIPPED) await cp(join(PROJECT, name), join(home, name), { recursive: true });
  for (const folder of await productionPackages()) await copyPackage(folder, join(home, 'node_modules'));
  const { scripts: _, devDependencies: __, overrides: ___, ...shipped } = manifest;
  await writeFile(join(home, 'package.json'), `${JSON.stringify({ ...shipped, version }, undefined, 2)}\n`);

  await place('docker/systemd/tollgate.service', 'usr/lib/systemd/system/tollgate.service');
  await place('docker/debian/tollgate.yaml', 'etc/tollgate/tollgate.yaml');
  await place('LICENSE', 'usr/share/doc/tollgate/copyright');
  await mkdir(join(stage, 'usr/bin'), { recursive: true });
  await symlink('../lib/tollgate/dist/main.js', join(stage, 'usr/bin/tollgate'));
  await tidyModes(stage);
  await chmod(join(home, 'dist/main.js'), 0o755);

  const kilobytes = run('du', ['-sk', '--apparent-size', stage]).split('\t')[0];
  await mkdir(join(stage, 'DEBIAN'));
  const control = await readFile(join(PROJECT, 'docker/debian/control'), 'utf8');
  await writeFile(
    join(stage, 'DEBIAN/control'),
    control.replace('@VERSION@', version).replace('@ARCHITECTURE@', architecture).replace('@SIZE@', kilobytes),
  );
  await place('docker/debian/conffiles', 'DEBIAN/conffiles');
  for (const script of ['postinst', 'prerm', 'postrm']) {
    await place(`docker/debian/${script}`, `DEBIAN/${script}`);
    await chmod(join(stage, 'DEBIAN', script), 0o755);
  }

  await mkdir(values.out, { recursive: true });
  const file = join(resolve(values.out), `tollgate_${version}_${architecture}.deb`);
  run('dpkg-deb', ['--build', '--root-owner-group', '-Zxz', '-z3', stage, file]);
  process.stdout.write(`${file}\n`);
} finally {
  await rm(stage, { recursive: true, force: true });
}

/** Folders of the packages that run in production, as the lock file has them; optional ones that this machine has. */
async function productionPackages() {
  const { packages } = JSON.parse(await readFile(join(PROJECT, 'package-lock.json'), 'utf8'));
  const wanted = Object.entries(packages).filter(
    ([folder, { dev, devOptional }]) => folder.startsWith('node_modules/') && dev !== true && devOptional !== true,
  );
  return wanted.flatMap(([folder, { optional }]) => {
    if (existsSync(join(PROJECT, folder))) return [folder];
    if (optional === true) return [];
    throw new Error(`${folder} is not there; run: npm ci`);
  });
}

/** One package without those nested in it: they have lines of their own. */
async function copyPackage(folder, into) {
  const from = join(PROJECT, folder);
  const to = join(into, relative('node_modules', folder));
  const nested = join(from, 'node_modules');
  await cp(from, to, {
    recursive: true,
    dereference: true,
    filter: (path) => path !== nested && !path.startsWith(nested + sep) && !/\.(map|d\.[cm]?ts)$/.test(path),
  });
}

async function place(from, to) {
  await mkdir(join(stage, to, '..'), { recursive: true });
  await cp(join(PROJECT, from), join(stage, to));
}

/** A checkout has the modes of whoever made it; in a package everybody reads. */
async function tidyModes(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) continue;
    await chmod(path, entry.isDirectory() ? 0o755 : 0o644);
  }
}
