/**
 * For specs: waiting without sleeping, a clock and a registry moved by hand, real faults with real etcd, a record of what
 * happened that is held against rules, and the cases that every registry must pass.
 */
export { eventually, type EventuallyOptions } from './eventually.js';
export { fakeService, type FakeServiceProvider } from './fake-service.js';
export { fakeTime, type FakeTime } from './fake-time.js';
export { jumpClock } from './faults/clock.js';
export { startDns, type DnsServerProcess, type DnsZone } from './faults/dns-server.js';
export { startEtcdCluster, type EtcdCluster } from './faults/etcd-cluster.js';
export { startEtcd, type EtcdServer, type EtcdServerOptions } from './faults/etcd-server.js';
export { freePort } from './faults/free-port.js';
export { startTcpProxy, type TcpProxy } from './faults/tcp-proxy.js';
export { startZooKeeper, type ZooKeeperServer, type ZooKeeperServerOptions } from './faults/zookeeper-server.js';
export {
  type CallRecorded,
  type EndRecorded,
  type History,
  type InstanceRecorded,
  type InstanceStep,
} from './history/history.js';
export { createRecorder, type Recorder } from './history/recorder.js';
export { validate, type ValidateOptions, type Violation } from './history/validate.js';
export { manualRegistry, type ManualRegistry } from './manual-registry.js';
export {
  registryConformance,
  type ConformanceCase,
  type ConformanceFixture,
  type ConformanceOptions,
} from './registry-conformance.js';
export { seededRandom } from './seeded-random.js';
