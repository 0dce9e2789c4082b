import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Registry, RegistryReach } from '../../core/registry.js';
import { findAdvertised, type AdvertiseOptions } from './advertise.js';

const registryOf = (reach: RegistryReach, hosts?: readonly string[]) =>
  ({
    name: reach === 'network' ? 'etcd://registry' : 'memory:',
    capabilities: { reach },
    ...(hosts && { hosts }),
  }) as unknown as Registry;

const NETWORK = registryOf('network', ['127.0.0.1:2379']);
const ELSEWHERE = registryOf('network', ['192.0.2.1:2379']);
const MEMORY = registryOf('process');
const any = (host = '0.0.0.0') => ({ host, port: 50051 });

const find = (options: Partial<AdvertiseOptions>) => findAdvertised({ bound: any(), registry: ELSEWHERE, ...options });

describe('the advertised address', () => {
  it.each([
    ['a host, with the bound port', 'user.example', 'user.example:50051'],
    ['a host and a port', 'user.example:443', 'user.example:443'],
    ['an IPv6 host', 'fd00::1', '[fd00::1]:50051'],
    ['an IPv6 host in brackets', '[fd00::1]', '[fd00::1]:50051'],
    ['an IPv6 host and a port', '[fd00::1]:443', '[fd00::1]:443'],
    ['loopback, since it is said in words', '127.0.0.1', '127.0.0.1:50051'],
  ])('is, as an option, %s', async (_, option, address) => {
    expect(await find({ option, environment: 'other' })).toEqual({ address, why: 'option advertise' });
  });

  it('is that of ROOKERY_ADVERTISE where there is no option', async () => {
    expect(await find({ environment: 'user.example', podIp: '10.1.2.3', bound: any('10.9.9.9') })).toEqual({
      address: 'user.example:50051',
      why: 'env ROOKERY_ADVERTISE',
    });
  });

  it('is the bound host where that is specific', async () => {
    expect(await find({ bound: any('10.9.9.9'), podIp: '10.1.2.3' })).toEqual({
      address: '10.9.9.9:50051',
      why: 'the bound host',
    });
    expect(await find({ bound: any('fd00::9') })).toEqual({ address: '[fd00::9]:50051', why: 'the bound host' });
  });

  it('is POD_IP where every interface is bound', async () => {
    expect(await find({ podIp: '10.1.2.3' })).toEqual({ address: '10.1.2.3:50051', why: 'env POD_IP' });
    expect(await find({ podIp: 'fd00::3', bound: any('::') })).toEqual({
      address: '[fd00::3]:50051',
      why: 'env POD_IP',
    });
  });

  it('is the local end towards the registry where nothing is said', async () => {
    expect(await find({ registry: NETWORK })).toEqual({
      address: '127.0.0.1:50051',
      why: 'etcd://registry is reached by loopback',
    });
  });

  it('is never a wildcard, also where the name of the registry is unknown', async () => {
    const { address } = await find({ registry: registryOf('network', ['no-such-host.invalid:2379']) }).catch(() => ({
      address: 'none',
    }));
    expect(address).not.toMatch(/^0\.0\.0\.0|^\[::\]/);
  });

  describe('of an interface, where the way to the registry is unknown,', () => {
    const one = (address: string, internal = false) =>
      ({ address, family: address.includes(':') ? 'IPv6' : 'IPv4', internal }) as NetworkInterfaceInfo;
    const lo = [one('127.0.0.1', true), one('::1', true)];
    const docker0 = [one('172.17.0.1')];
    const unknown = registryOf('network', ['unix:/run/etcd.sock']);
    const on = (interfaces: Record<string, NetworkInterfaceInfo[]>, host?: string) =>
      find({ registry: unknown, interfaces: { lo, ...interfaces }, bound: any(host) });

    it('is the first that is not internal', async () => {
      const interfaces = { eth0: [one('fe80::1'), one('10.0.0.7')], eth1: [one('10.1.0.7')] };
      expect(await on(interfaces)).toEqual({ address: '10.0.0.7:50051', why: 'network interface eth0' });
    });

    it('is no bridge of containers, though it comes first', async () => {
      const interfaces = {
        docker0,
        'br-1f2e': [one('172.18.0.1')],
        veth3a: [one('172.19.0.1')],
        ens5: [one('10.0.0.7')],
      };
      expect(await on(interfaces)).toMatchObject({ address: '10.0.0.7:50051' });
      await expect(on({ docker0 })).rejects.toMatchObject({ code: 'ROOKERY_ADVERTISE_UNKNOWN' });
    });

    it('is IPv6 only where that is listened to, and IPv4 before it', async () => {
      expect(await on({ eth0: [one('fd00::7')] }, '::')).toMatchObject({ address: '[fd00::7]:50051' });
      expect(await on({ eth0: [one('fd00::7')], eth1: [one('10.1.0.7')] }, '::')).toMatchObject({
        address: '10.1.0.7:50051',
      });
      await expect(on({ eth0: [one('fd00::7')] })).rejects.toMatchObject({
        code: 'ROOKERY_ADVERTISE_UNKNOWN',
        message: expect.stringContaining('listens on 0.0.0.0, and there is no IPv4 address'),
      });
    });
  });

  it('is not IPv6 towards the registry where only IPv4 is listened to', async () => {
    const registry = registryOf('network', ['[::1]:2379']);
    expect(await find({ registry, bound: any('::') })).toMatchObject({ address: '[::1]:50051' });
    const interfaces = { eth0: [{ address: '10.0.0.7', family: 'IPv4', internal: false } as NetworkInterfaceInfo] };
    expect(await find({ registry, interfaces })).toMatchObject({ address: '10.0.0.7:50051' });
  });

  it('is loopback for a registry of this process or machine', async () => {
    expect(await find({ registry: MEMORY })).toEqual({
      address: '127.0.0.1:50051',
      why: 'only this process reads memory:',
    });
    expect(await find({ registry: MEMORY, bound: any('::') })).toMatchObject({ address: '127.0.0.1:50051' });
    expect(await find({ registry: MEMORY, bound: any('localhost') })).toEqual({
      address: 'localhost:50051',
      why: 'the bound host',
    });
    expect(await find({ registry: MEMORY, podIp: '10.1.2.3' })).toMatchObject({ address: '127.0.0.1:50051' });
  });

  it('is a unix socket only for those who can open it', async () => {
    const bound = { path: '/run/user.sock' };
    expect(await find({ registry: MEMORY, bound })).toEqual({
      address: 'unix:/run/user.sock',
      why: 'the bound socket',
    });
    await expect(find({ bound })).rejects.toMatchObject({ code: 'ROOKERY_ADVERTISE_UNKNOWN', path: 'rookeryGrpc.url' });
    expect(await find({ bound, option: 'user.example:443' })).toMatchObject({ address: 'user.example:443' });
  });

  it.each(['127.0.0.1', 'localhost', '::1'])('is not loopback (%s) where others read the registry', async (host) => {
    await expect(find({ bound: any(host) })).rejects.toMatchObject({
      code: 'ROOKERY_ADVERTISE_LOOPBACK',
      path: 'rookeryGrpc.url',
      message: expect.stringContaining(
        `the server listens on ${host}, and others read etcd://registry. Listen on 0.0.0.0`,
      ),
    });
  });

  it('may be loopback where the registry itself is there', async () => {
    expect(await find({ bound: any('127.0.0.1'), registry: NETWORK })).toEqual({
      address: '127.0.0.1:50051',
      why: 'the bound host',
    });
  });

  it.each([
    ['ROOKERY_ADDRESS_INVALID', 'rookeryGrpc.advertise', { option: '0.0.0.0' }],
    ['ROOKERY_ADDRESS_INVALID', 'rookeryGrpc.advertise', { option: '0.0.0.0:443' }],
    ['ROOKERY_ADDRESS_INVALID', 'rookeryGrpc.advertise', { option: '[::]:443' }],
    ['ROOKERY_ADDRESS_INVALID', 'rookeryGrpc.advertise', { option: 'http://user.example' }],
    ['ROOKERY_ADDRESS_INVALID', 'env ROOKERY_ADVERTISE', { environment: 'http://x:1' }],
    ['ROOKERY_ADDRESS_INVALID', 'rookeryGrpc.advertise', { option: 'user.example:99999' }],
    ['ROOKERY_ADDRESS_INVALID', 'env ROOKERY_ADVERTISE', { environment: 'two hosts' }],
    ['ROOKERY_ADDRESS_INVALID', 'env POD_IP', { podIp: 'no address' }],
  ])('says %s at %s for %o', async (code, path, options) => {
    await expect(find(options)).rejects.toMatchObject({ code, path });
    // As it was written, without the port that is added.
    const written = Object.values(options)[0] as string;
    if (code === 'ROOKERY_ADDRESS_INVALID') await expect(find(options)).rejects.toThrow(`found "${written}".`);
  });
});
