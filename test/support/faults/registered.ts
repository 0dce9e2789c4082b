import type { EtcdServer } from 'rookery/testing';
import { SERVICE } from './service.js';

/** The ids under which instances of the fleet stand in etcd. */
export async function registeredIn(etcd: Pick<EtcdServer, 'etcdctl'>, prefix = 'rookery'): Promise<string[]> {
  const keys = await etcd.etcdctl('get', '--prefix', '--keys-only', `${prefix}/services/${SERVICE}/`);
  return keys
    .split('\n')
    .filter(Boolean)
    .map((key) => key.slice(key.lastIndexOf('/') + 1));
}
