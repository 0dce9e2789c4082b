// Finds a real Go for the interop tests, and builds their programs with it.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { executable, onPath } from './binary.mjs';
import { run } from './run.mjs';

const MODULES = 'test/interop/go';
const BIN = 'test/interop/bin';
/** What is built of which module. go-zero's own tag leaves Kubernetes out, which takes longer than everything else. */
const PROGRAMS = { '.': ['./cmd/...'], gozero: ['-tags=no_k8s', '.'] };

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
  const bin = join(process.cwd(), BIN) + '/';
  for (const [module, args] of Object.entries(PROGRAMS))
    run(go, '-C', join(MODULES, module), 'build', '-ldflags=-s -w', '-o', bin, ...args);
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
