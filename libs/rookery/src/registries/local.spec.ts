import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RookeryEvent } from '../core/event.js';
import { createInstance, type ServiceInstance } from '../core/instance.js';
import type { Registry } from '../core/registry.js';
import { Observer } from '../testing/conformance/observer.js';
import { eventually } from '../testing/eventually.js';
import { registryConformance } from '../testing/registry-conformance.js';
import { encodeEntry } from './local/entry.js';
import { writeEntry } from './local/files.js';
import { ownIdentity, startOf } from './local/process-identity.js';
import { local } from './local.js';

describe('local conforms:', () => {
  const make = async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rookery-'));
    const registry = local({ directory });
    const other = local({ directory });
    const dispose = async () => {
      await registry[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, maxRetries: 20 });
    };
    return { registry, other, dispose };
  };
  for (const { name, run } of registryConformance(make)) it(name, run);
});

let directory: string;
let folder: string;
let registry: Registry;
let events: RookeryEvent[];
let observer: Observer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rookery-'));
  folder = join(directory, 'default', 'services', 's');
  registry = local({ directory, pollMs: 50 });
  events = [];
  registry.events.on((event) => events.push(event));
  observer = await new Observer(local({ directory, pollMs: 50 }), 's').ready();
});

afterEach(async () => {
  await observer.stop();
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, maxRetries: 20 });
});

const instance = (id = 'a', weight = 100): ServiceInstance =>
  createInstance({ id, service: 's', address: '127.0.0.1:50051', weight, generation: `gen-${id}-${weight}` });
const file = (id = 'a') => join(folder, `${id}.json`);
const content = async (id = 'a') => JSON.parse(await readFile(file(id), 'utf8')) as Record<string, unknown>;
const told = (type: RookeryEvent['type']) => events.filter((event) => event.type === type);

async function registered(given = instance()) {
  const registration = registry.register(given);
  await registration.registered;
  return registration;
}

/** As an editor does it: reads, changes, and writes in place. */
async function edit(change: object, id = 'a'): Promise<void> {
  await writeFile(file(id), JSON.stringify({ ...(await content(id)), ...change }));
}

describe('the file of an instance', () => {
  it('is readable to its owner alone, whole, and says who that is', async () => {
    await registered();
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await readdir(folder)).toEqual(['a.json']);
    expect(await content()).toMatchObject({
      v: 1,
      address: '127.0.0.1:50051',
      owner: { pid: process.pid },
      pinned: [],
    });
  });

  it('comes back when it is removed, alone or with the whole directory', async () => {
    await registered();
    for (const remove of [
      () => unlink(file()),
      () => rm(directory, { recursive: true, maxRetries: 20, retryDelay: 5 }),
    ]) {
      events.length = 0;
      await remove();
      await eventually(async () => expect((await content())['id']).toBe('a'));
      await eventually(() => expect(told('registration.restored')).not.toHaveLength(0));
    }
    await observer.until((instances) => expect(instances).toHaveLength(1));
  });

  it('comes back when it is spoilt, and watchers keep the last good value meanwhile', async () => {
    await registered();
    await observer.until((instances) => expect(instances).toHaveLength(1));
    await writeFile(file(), 'garbage');
    await eventually(async () => expect((await content())['id']).toBe('a'));
    expect(observer.deltas.map(({ type }) => type)).toEqual(['added']);
    await eventually(() =>
      expect(told('registration.restored')).toMatchObject([
        { reason: expect.stringMatching(/^its file was malformed \(.*garbage/) },
      ]),
    );
  });

  it('comes back when its weight is none, and its owner says what was wrong with it', async () => {
    await registered();
    await edit({ weight: 99_999 });
    const reason = expect.stringContaining('its file was malformed (value.weight: found 99999. Use a whole number');
    await eventually(() => expect(told('registration.restored')).toMatchObject([{ reason }]));
  });

  it('gets its address back when somebody changes it', async () => {
    await registered();
    await edit({ address: '10.9.9.9:1' });
    await eventually(async () => expect((await content())['address']).toBe('127.0.0.1:50051'));
    await observer.until(([seen]) => expect(seen?.address).toBe('127.0.0.1:50051'));
  });

  it('does not hold the process', async () => {
    await registered();
    expect(process.getActiveResourcesInfo()).not.toContain('FSEventWrap');
  });
});

describe('an operator’s edit', () => {
  it('is adopted and pinned, and update() leaves it alone', async () => {
    const registration = await registered();
    await edit({ weight: 7, metadata: { tier: 'gold' } });
    await eventually(() =>
      expect(told('registration.amended')).toMatchObject([{ id: 'a', fields: ['weight', 'metadata'] }]),
    );
    await eventually(async () => expect(await content()).toMatchObject({ weight: 7, pinned: ['weight', 'metadata'] }));
    await registration.update({ weight: 50, zone: 'z1' });
    expect(registration.instance).toMatchObject({ weight: 7, zone: 'z1', metadata: { tier: 'gold' } });
    await observer.until(([seen]) => expect(seen).toMatchObject({ weight: 7, zone: 'z1', group: '' }));
  });

  it('wins over an update of the same moment', async () => {
    const registration = await registered();
    await edit({ weight: 7 });
    await registration.update({ weight: 50 });
    expect(registration.instance.weight).toBe(7);
  });

  it('is given back by taking the field from the pinned ones', async () => {
    const registration = await registered();
    await edit({ group: 'canary' });
    await eventually(async () => expect(await content()).toMatchObject({ group: 'canary', pinned: ['group'] }));
    await edit({ pinned: [] });
    await eventually(async () => {
      await registration.update({ group: 'stable' });
      expect(registration.instance.group).toBe('stable');
    });
  });

  it('of a drained instance does not keep it from leaving', async () => {
    const registration = await registered();
    await edit({ status: 'draining' });
    await observer.until(([seen]) => expect(seen?.status).toBe('draining'));
    await registration[Symbol.asyncDispose]();
    await observer.until((instances) => expect(instances).toEqual([]));
    expect(observer.deltas.at(-1)).toMatchObject({ type: 'removed', cause: 'left' });
  });
});

describe('two claims on one id', () => {
  it('the later one wins, and the earlier one comes back when it leaves', async () => {
    const first = await registered(instance('a', 1));
    const other = local({ directory, pollMs: 50 });
    const second = other.register(instance('a', 2));
    await eventually(() => expect(first.state).toBe('superseded'));
    expect(told('registration.changed').at(-1)).toMatchObject({ error: { code: 'ROOKERY_REGISTRATION_SUPERSEDED' } });
    expect((await content())['weight']).toBe(2);
    await second[Symbol.asyncDispose]();
    await eventually(() => expect(first.state).toBe('registered'));
    expect((await content())['weight']).toBe(1);
    await other[Symbol.asyncDispose]();
  });
});

describe.runIf(process.platform === 'linux')('a process that dies', () => {
  async function childEntry(id: string) {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6); console.log("up")']);
    await once(child.stdout, 'data');
    const owner = { ...ownIdentity(), pid: child.pid!, start: startOf(child.pid!)! };
    await mkdir(folder, { recursive: true });
    await writeEntry(folder, id, encodeEntry({ instance: instance(id), pinned: [], since: 1, owner }));
    return child;
  }

  it('is lost within a poll; one that is only stopped is not', async () => {
    const child = await childEntry('child');
    try {
      await observer.until((instances) => expect(instances).toHaveLength(1));
      child.kill('SIGSTOP');
      // Two others come and go: the watch has read the folder again meanwhile.
      const registration = await registered();
      await observer.until((instances) => expect(instances).toHaveLength(2));
      await registration[Symbol.asyncDispose]();
      await observer.until(() => expect(observer.ids).toEqual(['child']));
    } finally {
      child.kill('SIGKILL');
    }
    await observer.until((instances) => expect(instances).toEqual([]));
    expect(observer.deltas.at(-1)).toMatchObject({ type: 'removed', cause: 'lost' });
    expect(await readdir(folder)).toContain('child.json');
    await registered(instance('next'));
    expect(await readdir(folder)).not.toContain('child.json');
  });
});

describe('local()', () => {
  it('names its namespace, and its directory where that is not the usual one', () => {
    expect(registry.name).toBe(`local:default in ${directory}`);
    expect(local({ namespace: 'dev' }).name).toBe('local:dev');
  });

  it('keeps namespaces apart', async () => {
    const staging = local({ directory, namespace: 'staging' });
    await staging.register(instance('elsewhere')).registered;
    await registered(instance('here'));
    await observer.until(() => expect(observer.ids).toEqual(['here']));
    await staging[Symbol.asyncDispose]();
  });

  it('refuses options that make no sense', () => {
    expect(() => local({ namespace: '../x' })).toThrow('ROOKERY_NAME_INVALID at registry.namespace');
    expect(() => local({ pollMs: Number.NaN })).toThrow('ROOKERY_OPTION_INVALID at registry.pollMs: found NaN.');
  });

  it('says that it was closed', async () => {
    const closed = local({ directory });
    await closed[Symbol.asyncDispose]();
    expect(() => closed.register(instance())).toThrow('ROOKERY_REGISTRY_CLOSED');
    const first = closed.watch('s', new AbortController().signal)[Symbol.asyncIterator]().next();
    await expect(first).rejects.toThrow('ROOKERY_REGISTRY_CLOSED');
  });

  it('says why it cannot register, once, and does when it can', async () => {
    await observer.stop();
    await rm(directory, { recursive: true, maxRetries: 20 });
    await writeFile(directory, 'in the way');
    const registration = registry.register(instance());
    await eventually(() => expect(told('registration.changed')).toMatchObject([{ state: 'registering' }]));
    await rm(directory);
    await registration.registered;
    expect(told('registration.changed').map((event) => 'state' in event && event.state)).toEqual([
      'registering',
      'registered',
    ]);
  });
});
