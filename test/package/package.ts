import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { importsOf, isRelative, packageOf, parse } from '../architecture/sources.js';

const run = promisify(execFile);

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly typesVersions: { readonly '*': Readonly<Record<string, readonly string[]>> };
  readonly main: string;
  readonly types: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

export const FOLDER = 'libs/rookery';
export const manifest = JSON.parse(readFileSync(`${FOLDER}/package.json`, 'utf8')) as Manifest;

/** The subpaths with code, such as `./etcd`. */
export const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');

/** What users write for a subpath. */
export function specifierOf(subpath: string): string {
  return `rookery${subpath.slice(1)}`;
}

/** Runs node, and resolves to what it printed; rejects with its errors. */
export async function node(cwd: string, ...args: string[]): Promise<string> {
  const { VITEST: _v, NODE_OPTIONS: _o, ...env } = process.env;
  return (await run(process.execPath, args, { cwd, env: { ...env, NO_COLOR: '1' } })).stdout.trim();
}

/** The paths of the files that would be published, from the package's folder. */
export async function packedFiles(): Promise<string[]> {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '-w', 'rookery'], {
    maxBuffer: 1e8,
  });
  const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
  return packed!.files.map(({ path }) => path);
}

/** Packs the package, and installs the tarball in a folder: what it depends on are links to what is installed here. */
export async function installPacked(folder: string): Promise<void> {
  const home = `${folder}/node_modules/rookery`;
  mkdirSync(home, { recursive: true });
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '-w', 'rookery', '--pack-destination', folder],
    { maxBuffer: 1e8 },
  );
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  await run('tar', ['-xzf', `${folder}/${packed!.filename}`, '-C', home, '--strip-components=1']);
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    mkdirSync(dirname(`${folder}/node_modules/${name}`), { recursive: true });
    symlinkSync(resolve('node_modules', name), `${folder}/node_modules/${name}`, 'dir');
  }
}

/** The packages that compiled files and declarations name, without Node's own. */
export function packagesIn(files: readonly string[]): Set<string> {
  const specifiers = files.flatMap((file) =>
    importsOf(parse(file, readFileSync(file, 'utf8'))).map(({ specifier }) => specifier),
  );
  const bare = specifiers.filter(
    (specifier) => !isRelative(specifier) && !specifier.startsWith('node:') && !builtinModules.includes(specifier),
  );
  return new Set(bare.map(packageOf));
}
