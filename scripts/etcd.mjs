// Finds a real etcd for the tests, or installs it where that is possible without asking anybody.
import { executable, installCommand, installPackages, onPath } from './binary.mjs';

const PACKAGES = 'etcd-server etcd-client';

/** Path of the etcd server: ETCD_BIN, PATH, or freshly installed; so is its etcdctl. Throws with the one command to type. */
export function findEtcd({ install = false } = {}) {
  const found = find();
  if (found) return found;
  const installed = install && installPackages('etcd', PACKAGES) && find();
  if (installed) return installed;
  throw new Error(
    `The tests need a real etcd (3.4 or newer) and etcdctl. Install them with\n\n    sudo sh -c '${installCommand(PACKAGES)}'\n\n` +
      '(macOS: brew install etcd), or set ETCD_BIN to the server and ETCDCTL_BIN to etcdctl.',
  );
}

function find() {
  const server = named('ETCD_BIN', 'etcd');
  return named('ETCDCTL_BIN', 'etcdctl') && server;
}

/** Who names a program means it. */
function named(variable, program) {
  const path = process.env[variable];
  if (!path) return onPath(program);
  if (!executable(path)) throw new Error(`${variable} is ${path}, which cannot be run`);
  return path;
}
