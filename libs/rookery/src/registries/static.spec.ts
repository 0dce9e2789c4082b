import { describe, expect, it } from 'vitest';
import type { ServiceInstance } from '../core/instance.js';
import type { Registry } from '../core/registry.js';
import { registryConformance } from '../testing/registry-conformance.js';
import { staticRegistry } from './static.js';

describe('staticRegistry conforms:', () => {
  const make = async () => {
    const registry = staticRegistry(['10.0.0.2:1', '10.0.0.1:1'].map((address) => ({ service: 'users', address })));
    return {
      registry,
      known: { service: 'users', ids: ['10.0.0.2-1', '10.0.0.1-1'] },
      dispose: () => Promise.resolve(registry[Symbol.asyncDispose]()),
    };
  };
  for (const { name, run } of registryConformance(make, { readOnly: true })) it(name, run);
});

async function instancesOf(registry: Registry, service: string): Promise<readonly ServiceInstance[]> {
  for await (const [change] of registry.watch(service, new AbortController().signal)) {
    if (change?.type === 'reset') return change.instances;
  }
  return [];
}

describe('staticRegistry', () => {
  it('holds foreign instances with the fields that were given', async () => {
    const entry = {
      service: 's',
      address: '[::1]:50051',
      group: 'A',
      weight: 3,
      zone: 'z',
      version: '1',
      metadata: { a: 'b' },
    };
    const [instance] = await instancesOf(staticRegistry([entry]), 's');
    expect(instance).toMatchObject({ ...entry, id: '1-50051', peer: 0, secure: false, status: 'up' });
  });

  it('takes ids, security and the peer protocol where they are given', async () => {
    const entry = { service: 's', address: 'h:1', id: 'mine', secure: true, peer: 1 };
    expect(await instancesOf(staticRegistry([entry]), 's')).toMatchObject([entry]);
  });

  it('makes ids that are names and differ', async () => {
    const addresses = ['h:1', 'h:1', 'unix:/run/x.sock', `${'h'.repeat(80)}:1`];
    const registry = staticRegistry(addresses.map((address) => ({ service: 's', address })));
    const ids = (await instancesOf(registry, 's')).map(({ id }) => id);
    expect(ids.slice(0, 3)).toEqual(['h-1', 'h-1-2', 'unix-run-x.sock']);
    expect(ids[3]).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
  });

  it.each([
    [{ weight: -1 }, 'ROOKERY_WEIGHT_INVALID at registry[1].weight: found -1.'],
    [{ service: 'a/b' }, 'ROOKERY_NAME_INVALID at registry[1].service: found "a/b".'],
    [{ address: 'nowhere' }, 'ROOKERY_ADDRESS_INVALID at registry[1].address: found "nowhere".'],
    [{ group: '*' }, 'ROOKERY_NAME_INVALID at registry[1].group: found "*".'],
    [{ metadata: { a: 1 } as never }, 'ROOKERY_METADATA_INVALID at registry[1].metadata.a: found 1.'],
    [{ id: 'taken' }, 'ROOKERY_OPTION_INVALID at registry[1].id: found "taken" for the second time.'],
  ])('names the place of what is wrong: %j', (wrong, message) => {
    const entries = [
      { service: 's', address: 'h:1', id: 'taken' },
      { service: 's', address: 'h:2', ...wrong },
    ];
    expect(() => staticRegistry(entries)).toThrow(message);
  });

  it('shows itself as a URL, cut where it is long', () => {
    expect(
      staticRegistry([
        { service: 's', address: 'h:1' },
        { service: 't', address: 'h:2' },
      ]).name,
    ).toBe('static:s=h:1;t=h:2');
    const many = Array.from({ length: 50 }, (_, i) => ({ service: 's', address: `10.0.0.${i}:1` }));
    expect(staticRegistry(many).name).toHaveLength(120);
  });
});
