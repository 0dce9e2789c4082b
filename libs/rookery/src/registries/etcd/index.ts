/** The etcd registry: `rookery/etcd`. */
export { DIALECTS, type DialectChoice, type DialectDescription, type DialectOptions } from './dialects/choose.js';
export type { DialectName, DialectTraits } from './dialects/dialect.js';
export type { EtcdOptions, EtcdTls } from './options.js';
export { etcd } from './registry.js';
