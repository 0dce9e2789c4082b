import { describe, expect, it } from 'vitest';
import { checkDnsOptions, type DnsNames, type DnsOptions } from './options.js';

const check = (names: unknown, options: unknown = {}) => checkDnsOptions(names as DnsNames, options as DnsOptions);

describe('the options of dns()', () => {
  it.each([
    ['_grpc._tcp.<service>.svc', { type: 'srv', name: '_grpc._tcp.users.svc' }],
    ['<service>-headless.svc.:50051', { type: 'host', name: 'users-headless.svc.', port: 50051 }],
    ['fixed.svc:1', { type: 'host', name: 'fixed.svc', port: 1 }],
    [{ users: 'a.b:2' }, { type: 'host', name: 'a.b', port: 2 }],
    [{ others: 'a.b:2' }, undefined],
  ])('name what is asked for: %j', (names, question) => {
    expect(check(names).questionOf('users')).toEqual(question);
  });

  it('take servers with a port and without, and default to those of the machine', () => {
    const servers = ['10.0.0.2', '10.0.0.2:5353', 'fd00::a', '[fd00::a]', '[fe80::a%eth0]:5353'];
    expect(check('a:1', { servers }).servers()).toEqual([
      { host: '10.0.0.2', port: 53 },
      { host: '10.0.0.2', port: 5353 },
      { host: 'fd00::a', port: 53 },
      { host: 'fd00::a', port: 53 },
      { host: 'fe80::a%eth0', port: 5353 },
    ]);
    expect(check('a:1').servers().length).toBeGreaterThan(0);
  });

  it.each([
    ['users.svc', {}, 'registry: found "users.svc": there is no port'],
    ['_grpc._tcp.users:1', {}, 'SRV records say the port themselves'],
    ['10.0.0.1:1', {}, 'an address needs no DNS'],
    ['[::1]:1', {}, 'this is no name in DNS'],
    ['a..b:1', {}, 'this is no name in DNS'],
    ['a b:1', {}, 'this is no name in DNS'],
    [`${'a'.repeat(64)}:1`, {}, 'this is no name in DNS'],
    ['a:0', {}, 'a port is a number from 1 to 65535'],
    ['', {}, 'this is no name in DNS'],
    [{}, {}, 'registry: found an object'],
    [undefined, {}, 'registry: found undefined'],
    [{ a: 'b' }, {}, 'registry.a: found "b"'],
    ['a:1', { server: [] }, 'registry.server: there is no such option. Did you mean `servers`?'],
    ['a:1', { servers: [] }, 'registry.servers'],
    ['a:1', { servers: ['dns.example'] }, 'registry.servers[0]: found "dns.example"'],
    ['a:1', { servers: ['10.0.0.1:0'] }, 'registry.servers[0]'],
    ['a:1', { search: ['a', 'b c'] }, 'registry.search[1]'],
    ['a:1', { ndots: 16 }, 'registry.ndots'],
    ['a:1', { family: 5 }, 'registry.family'],
    ['a:1', { secure: 1 }, 'registry.secure'],
    ['a:1', { minTtlMs: '5' }, 'registry.minTtlMs'],
    ['a:1', { maxTtlMs: 100 }, 'registry.maxTtlMs: found 100. Use at least minTtlMs.'],
    ['a:1', { timeoutMs: 0 }, 'registry.timeoutMs'],
    ['a:1', null, 'registry: found null'],
  ])('are refused with their place: %j %j', (names, options, message) => {
    expect(() => check(names, options)).toThrow('ROOKERY_OPTION_INVALID');
    expect(() => check(names, options)).toThrow(message);
  });

  it('refuse services that are no names, and those that make a name too long when they are asked for', () => {
    expect(() => check({ 'a/b': 'c:1' })).toThrow('ROOKERY_NAME_INVALID');
    const long = check(`<service>.${'b'.repeat(63)}.${'b'.repeat(63)}.${'b'.repeat(63)}:1`);
    expect(() => long.questionOf('a'.repeat(63))).toThrow('ROOKERY_OPTION_INVALID at service');
    expect(() => check('<service>.a:1').questionOf('users.')).toThrow('this is no name in DNS');
  });
});
