import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createInstance } from '../core/instance.js';
import type { Registry } from '../core/registry.js';
import { parseServersUrl } from './servers-url.js';
import { redactUrl } from './url-error.js';
import { registryFromUrl } from './url.js';

async function idsIn(registry: Registry, service: string): Promise<string[]> {
  for await (const [change] of registry.watch(service, new AbortController().signal)) {
    if (change?.type === 'reset') return change.instances.map(({ address }) => address);
  }
  return [];
}

describe('registryFromUrl', () => {
  it('memory: is one registry per process, and namespace', async () => {
    const registration = registryFromUrl('memory:').register(
      createInstance({ id: 'a', service: 'url-spec', address: 'h:1' }),
    );
    expect(await idsIn(registryFromUrl('memory:'), 'url-spec')).toEqual(['h:1']);
    expect(await idsIn(registryFromUrl('memory:', { namespace: 'other' }), 'url-spec')).toEqual([]);
    await registration[Symbol.asyncDispose]();
  });

  it.each([
    ['local:', {}, 'local:default'],
    ['local:dev', {}, 'local:dev'],
    ['local:', { namespace: 'ci' }, 'local:ci'],
    ['local:dev', { namespace: 'ci' }, 'local:dev-ci'],
  ])('%s %j is %s', (url, options, name) => {
    expect(registryFromUrl(url, options).name).toBe(name);
  });

  it('static: lists services and addresses', async () => {
    const url = 'static:user-server=127.0.0.1:50051,[::1]:50052;other=unix:/run/o.sock';
    const registry = registryFromUrl(url);
    expect(registry.name).toBe(url);
    expect(await idsIn(registry, 'user-server')).toEqual(['127.0.0.1:50051', '[::1]:50052']);
    expect(await idsIn(registry, 'other')).toEqual(['unix:/run/o.sock']);
  });

  it.each([
    ['file:services.json', `file:${process.cwd()}/services.json`],
    ['file:../x', `file:${resolve('../x')}`],
    ['file:/etc/a%20b.json', 'file:/etc/a%20b.json'],
    ['file:///etc/a%20b.json', 'file:/etc/a b.json'],
  ])('%s is %s', (url, name) => {
    expect(registryFromUrl(url, { namespace: 'ci' }).name).toBe(name);
  });

  it.each([
    ['dns:_grpc._tcp.<service>.svc', 'dns:_grpc._tcp.<service>.svc'],
    ['dns://10.0.0.2:53/<service>.svc:50051', 'dns:<service>.svc:50051'],
    ['dns:a=_grpc._tcp.a.svc;b=b.svc:1', 'dns:a=_grpc._tcp.a.svc;b=b.svc:1'],
  ])('%s looks services up', (url, name) => {
    expect(registryFromUrl(url).name).toBe(name);
  });

  it.each([
    ['http://h/<service>', 'http://h/<service>'],
    ['https://u:hunter2@h/x?service=&key=hunter2', 'https://***@h/x?service=&key=***'],
  ])('%s asks for a list', (url, name) => {
    expect(registryFromUrl(url).name).toBe(name);
  });

  it.each([
    ['etcd://h1:2379', { namespace: 'ci' }],
    ['etcds://u:p%40ss@h1,h2:1/prefix', { ttlMs: 5000 }],
  ])('%s is an etcd registry', async (url, options) => {
    const registry = registryFromUrl(url, options);
    expect(registry.capabilities.reach).toBe('network');
    expect(registry.name).toMatch(/^etcds?:/);
    expect(registry.name).not.toMatch(/p@ss|p%40ss/);
    await registry[Symbol.asyncDispose]();
  });

  it('etcd: names dialects in a query, and refuses what is none', async () => {
    const url = 'etcd://h1:2379/rookery?read=rookery,kratos&write=go-zero';
    await using registry = registryFromUrl(url);
    expect(registry.name).toBe(url);
    await using short = registryFromUrl('etcd://h1?read=kratos');
    expect(short.name).toBe('etcd://h1:2379/rookery?read=kratos&write=rookery');
    const misspelt = () => registryFromUrl('etcd://h1?read=kratso', { path: 'ROOKERY_REGISTRY' });
    expect(misspelt).toThrow('ROOKERY_REGISTRY_URL_INVALID at ROOKERY_REGISTRY');
    expect(misspelt).toThrow('registry.read[0]: found "kratso"');
    expect(() => registryFromUrl(url, { namespace: 'ci' })).toThrow('the dialect kratos has no namespaces');
  });

  it.each([
    ['zookeeper://h1', { namespace: 'ci' }, 'zookeeper://h1:2181/rookery-ci'],
    ['zookeepers://u:p%40ss@h1,h2:1/prefix', { ttlMs: 5000 }, 'zookeepers://h1:2181,h2:1/prefix'],
  ])('%s is a ZooKeeper registry', async (url, options, name) => {
    const registry = registryFromUrl(url, options);
    expect(registry.name).toBe(name);
    await registry[Symbol.asyncDispose]();
  });

  it.each([
    ['redis://:secret@h:1', 'there is no registry "redis:"'],
    ['localhost:2379', 'there is no registry "localhost:", or "etcd://" is missing. Use one of'],
    ['ectd://h1:2379', 'found "ectd://h1:2379": there is no registry "ectd:"; did you mean "etcd:"? Use one of'],
    ['redis://h1', 'there is no registry "redis:". Use one of'],
    ['127.0.0.1:2379', 'it has no scheme'],
    ['zookeper://h1', 'did you mean "zookeeper:"? Use one of'],
    ['zookeeper://h1/a/../b', 'Use parts with a slash between them'],
    ['zookeeper://a%3Ab:secret@h1', 'found a colon'],
    ['', 'it has no scheme'],
    ['memory:x', 'nothing may follow "memory:"'],
    ['local:a/b', 'ROOKERY_NAME_INVALID at namespace: found "a/b"'],
    ['file:', 'it names no file'],
    ['file://host/services.json', 'a file of another machine cannot be read'],
    ['file:///services.json?x', 'it has a query or a fragment'],
    ['file:///%zz', 'URI malformed'],
    ['dns:', 'this is no name in DNS'],
    ['dns:users', 'there is no port'],
    ['dns:a=b=c', 'a part is not <service>=<name>'],
    ['dns:a/b=c:1', 'ROOKERY_NAME_INVALID'],
    ['dns://ns.example/users:1', 'Use an IP address'],
    ['http:', 'this is no URL of http or https'],
    ['http://u:secret@h:x/', 'this is no URL'],
    ['static:', 'it names no service'],
    ['static:users', 'a part is not <service>=<host:port>,…'],
    ['static:users=a=b', 'a part is not <service>=<host:port>,…'],
    ['static:users=h', 'ROOKERY_ADDRESS_INVALID at entry[0].address: found "h"'],
    ['static:us/ers=h:1', 'ROOKERY_NAME_INVALID at entry[0].service'],
  ])('refuses %j', (url, fault) => {
    const act = () => registryFromUrl(url, { path: 'env ROOKERY_REGISTRY' });
    expect(act).toThrow('ROOKERY_REGISTRY_URL_INVALID at env ROOKERY_REGISTRY: found "');
    expect(act).toThrow(fault);
    expect(act).toThrow(/Use one of memory: \| local: .*etcd:\/\//);
    expect(act).not.toThrow('secret');
  });
});

describe('parseServersUrl', () => {
  it.each([
    ['etcd://h1', { hosts: ['h1:2379'], prefix: 'rookery', tls: false }],
    ['etcd://h1:1,10.0.0.2:2/a/b/', { hosts: ['h1:1', '10.0.0.2:2'], prefix: 'a/b', tls: false }],
    ['etcd://[::1],[fe80::1]:65535/', { hosts: ['[::1]:2379', '[fe80::1]:65535'], prefix: 'rookery', tls: false }],
    [
      'etcds://u:p@h/p%20q'.replace('%20', '%2Bq'),
      { hosts: ['h:2379'], prefix: 'p+qq', tls: true, username: 'u', password: 'p' },
    ],
    [
      'etcd://u%3Ax:a%40b%2F%25:c/d@h',
      { hosts: ['h:2379'], prefix: 'rookery', tls: false, username: 'u:x', password: 'a@b/%:c/d' },
    ],
    ['zookeeper://h1,h2:1', { hosts: ['h1:2181', 'h2:1'], prefix: 'rookery', tls: false }],
    ['zookeepers://u:p@h/a/b', { hosts: ['h:2181'], prefix: 'a/b', tls: true, username: 'u', password: 'p' }],
    ['etcd://u:@h', { hosts: ['h:2379'], prefix: 'rookery', tls: false, username: 'u', password: '' }],
  ])('%s', (url, parsed) => {
    expect(parseServersUrl(url, 'registry')).toEqual(parsed);
  });

  it.each([
    ['etcd:h1', '"etcd:" must be followed by //'],
    ['zookeepers:h1', '"zookeepers:" must be followed by //'],
    ['zookeeper://u:hunter2', 'a port is not a number'],
    ['etcd://', 'a host is empty'],
    ['etcd:///prefix', 'a host is empty'],
    ['etcd://h1,,h2', 'a host is empty'],
    ['etcd://[]:1', 'a host is empty'],
    ['etcd://:2379', 'a host is empty'],
    ['etcd://h1:0', '1 to 65535'],
    ['etcd://h1:99999', '1 to 65535'],
    ['etcd://h1:100000', 'a port is not a number'],
    ['etcd://h1:abc', 'a port is not a number'],
    ['etcd://h1:', 'a port is not a number'],
    ['etcd://h 1', 'malformed'],
    ['etcd://fe80::1', 'a port is not a number'],
    ['etcd://[fe80', 'a host is malformed'],
    ['etcd://[zz]:1', 'malformed'],
    ['etcd://:hunter2@h', 'the user is empty'],
    ['etcd://@h', 'the user is empty'],
    ['etcd://hunter2@h', 'the user has no password'],
    ['etcd://u:hunter2%zz@h', 'the password has a "%"'],
    ['etcd://u:hunter2', 'a port is not a number'],
    ['etcd://h1//p', 'the prefix starts with a slash'],
    ['etcd://h1/%2Fp', 'the prefix starts with a slash'],
    ['etcd://h1/a//b', 'the prefix has an empty part'],
    ['etcd://h1/a%20b', 'the prefix has a space'],
    ['etcd://h1/a%', 'the prefix has a "%"'],
    ['etcd://h1?password=hunter2', 'may have "read" and "write" and nothing else'],
    ['etcd://h1/p#hunter2', 'a fragment'],
    ['etcd://h1/p?password=hunter2', 'may have "read" and "write" and nothing else'],
  ])('refuses %s', (url, fault) => {
    const act = () => parseServersUrl(url, 'option registry');
    expect(act).toThrow('ROOKERY_REGISTRY_URL_INVALID at option registry');
    expect(act).toThrow(fault);
    expect(act).not.toThrow('hunter2');
  });
});

describe('redactUrl', () => {
  it.each([
    ['etcd://u:p@h:2379/x', 'etcd://***@h:2379/x'],
    ['etcd://u:p/a?q#@h', 'etcd://***@h'],
    ['etcd://user:secret', 'etcd://user:***'],
    ['etcd://user:secret/x', 'etcd://user:***/x'],
    ['etcd:u:p@h', 'etcd:***@h'],
    ['etcds://[fe80::a]:2379,h2:a1b/x?y', 'etcds://[fe80::a]:2379,h2:***/x?***'],
    ['user:pw@h', 'user:***'],
    ['ectd://u:p@h:2379/x', 'ectd://***@h:2379/x'],
    ['ectd:p', 'ectd:***'],
    ['zookeeper://u:p@h/x', 'zookeeper://***@h/x'],
    ['zookeper://u:p@h/x', 'zookeper://***@h/x'],
    ['redis://secret', 'redis:***'],
    ['no scheme, a secret', '***'],
    ['local:dev', 'local:dev'],
    ['static:a=1.2.3.4:1', 'static:a=1.2.3.4:1'],
    ['static:u:p@h:1', 'static:***@h:1'],
    ['dns:<service>.svc:1', 'dns:<service>.svc:1'],
    ['https://h/a?service=<service>&k=v&t#f', 'https://h/a?service=<service>&k=***&***'],
    ['http://u:p/a@h/b', 'http://***@h/b'],
    ['http:u:p@h', 'http:***@h'],
    ['http://u:p?x=1@h', 'http://u:***?x=***'],
    ['http://[::1]:80/a', 'http://[::1]:80/a'],
    ['http://h:80', 'http://h:80'],
  ])('%s becomes %s', (url, redacted) => {
    expect(redactUrl(url)).toBe(redacted);
  });
});
