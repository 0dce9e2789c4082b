// Makes a fresh clone ready: `node scripts/setup.mjs install build etcd`, any of them, in that order.
// Plain Node without dependencies, since it runs before anything is installed.
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run, runNpm } from './run.mjs';
import { findDnsmasq } from './dnsmasq.mjs';
import { findEtcd } from './etcd.mjs';
import { buildGo } from './go.mjs';
import { findNats } from './nats.mjs';
import { findZooKeeper } from './zookeeper.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const steps = {
  install() {
    const installed = 'node_modules/.package-lock.json';
    if (existsSync(installed) && statSync(installed).mtimeMs >= statSync('package-lock.json').mtimeMs) return;
    console.log('rookery: installing the dependencies …');
    runNpm('ci', '--no-audit', '--no-fund', '--loglevel=error');
  },
  build() {
    console.log('rookery: building …');
    run(process.execPath, 'scripts/build.mjs');
  },
  etcd() {
    console.log(`rookery: etcd is ${findEtcd({ install: true })}`);
  },
  go() {
    console.log('rookery: building the Go programs; the first time takes some minutes …');
    buildGo();
  },
  dnsmasq() {
    console.log(`rookery: dnsmasq is ${findDnsmasq({ install: true })}`);
  },
  nats() {
    console.log(`rookery: nats-server is ${findNats({ install: true })}`);
  },
  zookeeper() {
    console.log(`rookery: ZooKeeper is ${findZooKeeper({ install: true })}`);
  },
};

for (const step of process.argv.slice(2)) {
  if (!steps[step]) throw new Error(`setup: there is no step ${step}; there are ${Object.keys(steps).join(', ')}`);
  steps[step]();
}
