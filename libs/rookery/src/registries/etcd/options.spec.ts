import { describe, expect, it } from 'vitest';
import { createInstance } from '../../core/instance.js';
import { etcd, type EtcdOptions } from './index.js';

/** Looks like one, and holds nothing. */
const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

describe('the options of etcd()', () => {
  it.each<[EtcdOptions['hosts'], string[]]>([
    ['h:2379', ['h:2379']],
    ['h', ['h:2379']],
    ['http://h1:1,h2:2', ['h1:1', 'h2:2']],
    [
      ['https://h1/', 'https://[::1]:2'],
      ['h1:2379', '[::1]:2'],
    ],
    ['[fe80::1]', ['[fe80::1]:2379']],
  ])('understand the hosts %j', (hosts, expected) => {
    expect(etcd({ hosts }).hosts).toEqual(expected);
  });

  it('name the registry without its secrets', () => {
    const { name } = etcd({ hosts: ['h1:1', 'h2:2'], prefix: 'a/b', username: 'u', password: 'secret' });
    expect(name).toBe('etcd://h1:1,h2:2/a/b');
    expect(etcd({ hosts: 'h1', tls: {} }).name).toBe('etcds://h1:2379/rookery');
  });

  it.each<[string, string, EtcdOptions]>([
    ['ROOKERY_OPTION_INVALID', 'registry.hosts', { hosts: [] }],
    ['ROOKERY_OPTION_INVALID', 'registry.hosts', { hosts: '' }],
    ['ROOKERY_OPTION_INVALID', 'registry.hosts[1]', { hosts: ['h:1', 7 as unknown as string] }],
    ['ROOKERY_OPTION_INVALID', 'registry.hosts', { hosts: 'u:p@h:1' }],
    ['ROOKERY_OPTION_INVALID', 'registry.hosts', { hosts: ['http://h:1', 'https://h:2'] }],
    ['ROOKERY_ADDRESS_INVALID', 'registry.hosts[0]', { hosts: ['h:99999'] }],
    ['ROOKERY_ADDRESS_INVALID', 'registry.hosts', { hosts: '::1' }],
    ['ROOKERY_OPTION_INVALID', 'registry.prefix', { hosts: 'h:1', prefix: '/rookery' }],
    ['ROOKERY_OPTION_INVALID', 'registry.prefix', { hosts: 'h:1', prefix: 'rookery/' }],
    ['ROOKERY_OPTION_INVALID', 'registry.prefix', { hosts: 'h:1', prefix: '' }],
    ['ROOKERY_OPTION_INVALID', 'registry.ttlMs', { hosts: 'h:1', ttlMs: 1999 }],
    ['ROOKERY_OPTION_INVALID', 'registry.password', { hosts: 'h:1', username: 'u' }],
    ['ROOKERY_OPTION_INVALID', 'registry.tls', { hosts: 'h:1', tls: { cert: 'c' } }],
    ['ROOKERY_OPTION_INVALID', 'registry.tls', { hosts: 'http://h:1', tls: {} }],
    ['ROOKERY_OPTION_INVALID', 'registry.tls.ca', { hosts: 'h:1', tls: { ca: '/etc/ssl/etcd-ca.pem' } }],
    ['ROOKERY_OPTION_INVALID', 'registry.tls.key', { hosts: 'h:1', tls: { cert: PEM, key: 'k' } }],
    ['ROOKERY_OPTION_INVALID', 'registry.tls', { hosts: 'h:1', tls: { cert: PEM, key: PEM } }],
  ])('are refused with %s at %s', (code, path, options) => {
    expect(() => etcd(options)).toThrow(expect.objectContaining({ code, path }));
  });

  it('never show a password that stands in a host', () => {
    expect(() => etcd({ hosts: 'root:hunter2@h:1' })).toThrow(
      expect.not.stringContaining('hunter2') as unknown as string,
    );
  });
});

describe('an instance for etcd', () => {
  const good = createInstance({ id: 'a', service: 's', address: 'h:1' });
  it.each([
    ['ROOKERY_NAME_INVALID', { ...good, service: 'a/b' }],
    ['ROOKERY_NAME_INVALID', { ...good, id: 'a/b' }],
    ['ROOKERY_ADDRESS_INVALID', { ...good, address: 'unix:/tmp/s' }],
    ['ROOKERY_METADATA_INVALID', { ...good, metadata: { a: 'x'.repeat(70_000) } }],
  ])('is refused with %s before anything is written', (code, instance) => {
    expect(() => etcd({ hosts: 'h:1' }).register(instance)).toThrow(expect.objectContaining({ code }));
  });
});
