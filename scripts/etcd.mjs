// Finds a real etcd for the tests, or installs it where that is possible without asking anybody.
import { executable, installCommand, installPackages, onPath } from './binary.mjs';

const PACKAGES = 'etcd-server etcd-client';

/** Path of the etcd server: ETCD_BIN, PATH, or freshly installed. Throws with the one command to type. */
export function findEtcd({ install = false } = {}) {
  const found = process.env.ETCD_BIN ? executable(process.env.ETCD_BIN) : onPath('etcd');
  if (found && onPath('etcdctl')) return found;
  if (process.env.ETCD_BIN && !found) throw new Error(`ETCD_BIN is ${process.env.ETCD_BIN}, which cannot be run`);
  if (install && installPackages('etcd', PACKAGES)) {
    const installed = onPath('etcd');
    if (installed && onPath('etcdctl')) return installed;
  }
  throw new Error(
    `The tests need a real etcd (3.4 or newer) and etcdctl. Install them with\n\n    sudo sh -c '${installCommand(PACKAGES)}'\n\n` +
      '(macOS: brew install etcd), or set ETCD_BIN to the server and put etcdctl on PATH.',
  );
}
