/** Registries without a server, and how a URL or the environment names one. etcd has a subpath of its own. */
export { composite, type CompositeOptions } from './composite.js';
export { defaultRegistry } from './default.js';
export { file, type FileOptions } from './file.js';
export { dns, type DnsNames, type DnsOptions } from './dns.js';
export { http, type HttpHeaders, type HttpOptions, type HttpTls } from './http.js';
export { local, type LocalOptions } from './local.js';
export { memory } from './memory.js';
export { staticRegistry } from './static.js';
export type { StaticEntry } from './static-entry.js';
export { registryFromUrl, type RegistryUrlOptions } from './url.js';
