/** The etcd registry: `rookery/etcd`. */
export { etcd } from './registry.js';
export type { EtcdOptions, EtcdTls } from './options.js';
