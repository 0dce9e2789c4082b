// Finds a real Go for the interop tests, and builds their programs with it: those of test/interop, and a newer etcd than
// distributions have, with its tools, from its sources.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { executable, onPath } from './binary.mjs';
import { run } from './run.mjs';

const MODULES = 'test/interop/go';
const BIN = 'test/interop/bin';
const ETCD = ['server', 'etcdctl', 'etcdutl'].map((name) => `go.etcd.io/etcd/${name}/v3`);
/** What is built of which module, and where. go-zero's own tag leaves Kubernetes out, which takes longer than everything else. */
const PROGRAMS = [
  { module: '.', args: ['./cmd/...'], bin: BIN },
  { module: 'gozero', args: ['-tags=no_k8s', '.'], bin: BIN },
  { module: 'etcd', args: ETCD, bin: `${BIN}/etcd` },
];

/** Path of Go: GO_BIN, or PATH. Throws with what to do where there is none, or only an older one than go.mod asks for. */
export function findGo() {
  const found = process.env.GO_BIN ? executable(process.env.GO_BIN) : onPath('go');
  if (process.env.GO_BIN && !found) throw new Error(`GO_BIN is ${process.env.GO_BIN}, which cannot be run`);
  const wanted = neededVersion();
  const version = found && versionOf(found);
  if (found && version && !isOlder(version, wanted)) return found;
  throw new Error(
    `The interop tests need Go ${wanted} or newer, ${found ? `and ${found} is ${version ?? 'none'}` : 'which is not on the PATH'}. ` +
      'Install it from https://go.dev/dl (macOS: brew install go), or set GO_BIN to it.',
  );
}

/** Builds what has changed, as Go's own cache knows; the first time takes minutes. */
export function buildGo() {
  const go = findGo();
  for (const { module, args, bin } of PROGRAMS) {
    const folder = join(process.cwd(), bin);
    mkdirSync(folder, { recursive: true });
    run(go, '-C', join(MODULES, module), 'build', '-ldflags=-s -w', '-o', `${folder}/`, ...args);
  }
}

function versionOf(go) {
  // Without this, an older Go would try to load the one that go.mod asks for.
  const env = { ...process.env, GOTOOLCHAIN: 'local' };
  return /go(\d+(?:\.\d+)+)/.exec(spawnSync(go, ['env', 'GOVERSION'], { encoding: 'utf8', env }).stdout ?? '')?.[1];
}

/** What the module with the newest demands demands. */
function neededVersion() {
  const versions = ['.', ...readdirSync(MODULES)].flatMap((folder) => {
    try {
      return /^go (\S+)$/m.exec(readFileSync(join(MODULES, folder, 'go.mod'), 'utf8'))?.[1] ?? [];
    } catch {
      return [];
    }
  });
  return versions.reduce((newest, version) => (isOlder(newest, version) ? version : newest));
}

function isOlder(version, than) {
  return version.localeCompare(than, 'en', { numeric: true }) < 0;
}
