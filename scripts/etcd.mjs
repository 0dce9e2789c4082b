// Finds a real etcd for the tests, or installs it where that is possible without asking anybody.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const INSTALL = 'apt-get update && apt-get install -y etcd-server etcd-client';

/** Path of the etcd server: ETCD_BIN, PATH, or freshly installed. Throws with the one command to type. */
export function findEtcd({ install = false } = {}) {
  const found = process.env.ETCD_BIN ? executable(process.env.ETCD_BIN) : onPath('etcd');
  if (found && onPath('etcdctl')) return found;
  if (process.env.ETCD_BIN && !found) throw new Error(`ETCD_BIN is ${process.env.ETCD_BIN}, which cannot be run`);
  if (install && process.getuid?.() === 0 && onPath('apt-get')) {
    console.log(`rookery: no etcd found; installing it: ${INSTALL}`);
    const { status } = spawnSync('sh', ['-c', INSTALL], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    const installed = status === 0 && onPath('etcd');
    if (installed && onPath('etcdctl')) return installed;
  }
  throw new Error(
    `The tests need a real etcd (3.4 or newer) and etcdctl. Install them with\n\n    sudo sh -c '${INSTALL}'\n\n` +
      '(macOS: brew install etcd), or set ETCD_BIN to the server and put etcdctl on PATH.',
  );
}

function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => executable(join(folder, name))).find(Boolean);
}

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}
