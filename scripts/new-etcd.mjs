// Runs the suites of etcd on a newer one than distributions have: `node scripts/new-etcd.mjs [arguments of vitest]`; with
// `--build-only` it is only made. It and its tools are built from their sources, as test/interop/go/etcd/go.mod names them.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGo } from './go.mjs';
import { run } from './run.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const MODULE = 'test/interop/go/etcd';
const FOLDER = resolve('test/interop/bin/etcd');
const SUITES = ['test/faults', 'libs/rookery/src/registries/etcd'];

/** By the variable that names it to `startEtcd`: what it is called, and what is built. */
const PROGRAMS = {
  ETCD_BIN: ['etcd', 'go.etcd.io/etcd/server/v3'],
  ETCDCTL_BIN: ['etcdctl', 'go.etcd.io/etcd/etcdctl/v3'],
  ETCDUTL_BIN: ['etcdutl', 'go.etcd.io/etcd/etcdutl/v3'],
};

console.log('rookery: building the newer etcd; the first time takes a minute …');
const go = findGo();
mkdirSync(FOLDER, { recursive: true });
for (const [variable, [name, source]] of Object.entries(PROGRAMS)) {
  const program = join(FOLDER, name);
  run(go, '-C', MODULE, 'build', '-ldflags=-s -w', '-o', program, source);
  process.env[variable] = program;
}
run(process.env.ETCD_BIN, '--version');
if (!process.argv.includes('--build-only'))
  run(process.execPath, 'node_modules/vitest/vitest.mjs', 'run', ...SUITES, ...process.argv.slice(2));
