/** The ZooKeeper registry: `rookery/zookeeper`. */
export { zookeeper } from './registry.js';
export type { ZooKeeperOptions, ZooKeeperTls } from './options.js';
