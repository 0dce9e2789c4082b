import { caseless, flatTexts, isObject, type JsonObject } from '../../entry/json-value.js';
import { weightOf } from './foreign-fields.js';
import type { JsonFormat } from './json-dialect.js';

/**
 * Jupiter: `grpc:<app>:v1:<mode>/<address>`, which is a target of the official resolver, too. Its clients ignore weights and
 * groups. Source: douyu/jupiter pkg/server, pkg/registry.
 */
export const JUPITER: JsonFormat = {
  name: 'jupiter',
  prefix: 'grpc:<service>:v1:dev',
  traits: { weights: false, groups: false, zero: false },
  says: ['weight', 'group', 'status', 'zone', 'version', 'metadata'],
  suffix: ({ address }) => address,
  write: ({ service, address, weight, group, status, zone = '', version = '', metadata }, prefix) => ({
    Op: 0,
    Addr: address,
    MetadataX: {
      name: service,
      appId: '',
      scheme: 'grpc',
      address,
      weight,
      enable: status === 'up',
      healthy: true,
      metadata: { ...metadata, ...(version !== '' && { appVersion: version }) },
      region: '',
      zone,
      kind: 0,
      version: 'v1',
      mode: prefix.split(':').at(-1),
      deployment: '',
      group,
      services: {},
    },
  }),
  read: (raw) => {
    const info: JsonObject = isObject(raw['MetadataX']) ? raw['MetadataX'] : {};
    if (typeof info['scheme'] === 'string' && info['scheme'] !== 'grpc') return undefined;
    const { appVersion, ...metadata } = flatTexts(info['metadata']) ?? {};
    return {
      address: caseless(raw, 'Addr'),
      weight: weightOf(info['weight']),
      group: info['group'] ?? '',
      status: info['enable'] === false || info['healthy'] === false ? 'draining' : 'up',
      zone: info['zone'],
      version: appVersion,
      metadata,
    };
  },
};
