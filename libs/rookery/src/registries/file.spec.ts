import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RookeryEvent } from '../core/event.js';
import type { Registry } from '../core/registry.js';
import { Observer } from '../testing/conformance/observer.js';
import { eventually } from '../testing/eventually.js';
import { fakeTime } from '../testing/fake-time.js';
import { registryConformance } from '../testing/registry-conformance.js';
import { file } from './file.js';

describe('file conforms:', () => {
  const make = async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rookery-'));
    const path = join(directory, 'services.json');
    await writeFile(path, JSON.stringify({ users: ['10.0.0.2:1', '10.0.0.1:1'] }));
    const registry = file(path);
    const dispose = async () => {
      await registry[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    };
    return { registry, known: { service: 'users', ids: ['10.0.0.2-1', '10.0.0.1-1'] }, dispose };
  };
  for (const { name, run } of registryConformance(make, { readOnly: true })) it(name, run);
});

let directory: string;
let path: string;
let registry: Registry;
let events: RookeryEvent[];
const observers: Observer[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rookery-'));
  path = join(directory, 'services.json');
  open(path);
});
afterEach(async () => {
  await Promise.all(observers.splice(0).map((observer) => observer.stop()));
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

function open(where: string, pollMs = 50): void {
  registry = file(where, { pollMs });
  events = [];
  registry.events.on((event) => events.push(event));
}

const text = (...ports: number[]) => JSON.stringify({ s: ports.map((port) => `h:${port}`) });
const told = () => events.map(({ type }) => type);

async function write(content: string, where = path): Promise<void> {
  await writeFile(`${where}.new`, content);
  await rename(`${where}.new`, where);
}

function observe(service = 's'): Promise<Observer> {
  const observer = new Observer(registry, service);
  observers.push(observer);
  return observer.ready();
}

const sees = (observer: Observer, ...ports: number[]) =>
  observer.until((instances) =>
    expect(instances.map(({ address }) => address)).toEqual(ports.map((port) => `h:${port}`)),
  );

describe('file', () => {
  it('follows a file that is replaced; whoever is not in it any more has left', async () => {
    await write(text(1, 2));
    const observer = await observe();
    await write(text(2, 3));
    await sees(observer, 2, 3);
    expect(observer.deltas.at(-1)).toMatchObject({ type: 'removed', instance: { id: 'h-1' }, cause: 'left' });
    await write('[]');
    await sees(observer);
    expect(events).toEqual([]);
  });

  it('follows one that is written in place, and one to which a link leads elsewhere', async () => {
    const elsewhere = await mkdtemp(join(directory, 'elsewhere-'));
    await writeFile(join(elsewhere, 'list'), text(1));
    await symlink(join(elsewhere, 'list'), path);
    const observer = await observe();
    await writeFile(path, text(2));
    await sees(observer, 2);
    await write(text(3), join(elsewhere, 'list'));
    await sees(observer, 3);
  });

  it('follows the volume of a ConfigMap, whose folder is swapped behind a link', async () => {
    const version = async (name: string, content: string) => {
      await mkdir(join(directory, name));
      await writeFile(join(directory, name, 'services.json'), content);
      await symlink(name, join(directory, '..data_tmp'));
      await rename(join(directory, '..data_tmp'), join(directory, '..data'));
    };
    await version('..2026_1', text(1));
    await symlink('..data/services.json', path);
    // Only what the system tells counts here: the poll is far away.
    open(path, 3_600_000);
    const observer = await observe();
    for (const port of [2, 3, 4]) {
      await version(`..2026_${port}`, text(port));
      await rm(join(directory, `..2026_${port - 1}`), { recursive: true });
      await sees(observer, port);
    }
    expect(events).toEqual([]);
  });

  it.each([
    ['is cut off', '{"s":["h:1","h:'],
    ['is empty', ''],
    ['is no JSON', 'users: []'],
    ['is no list', '5'],
    ['is an error instead', '{"error":"db down"}'],
    ['has entries of which none can be read', '{"s":[{"addr":"h:1"},{"addr":"h:2"}]}'],
    ['is far too large', ' '.repeat(16 * 1024 * 1024 + 1)],
  ])('goes by what it said last where it %s, and tells it once', async (_, broken) => {
    await write(text(1, 2));
    const observer = await observe();
    await writeFile(path, broken);
    await eventually(() => expect(told()).toEqual(['source.failed']));
    expect(events[0]).toMatchObject({ source: `file:${path}`, error: { code: 'ROOKERY_ENTRY_MALFORMED', path } });
    const late = await observe();
    expect([observer.ids, late.ids]).toEqual([
      ['h-1', 'h-2'],
      ['h-1', 'h-2'],
    ]);
    await write(text(3));
    await sees(observer, 3);
    await sees(late, 3);
    expect(told()).toEqual(['source.failed', 'source.restored']);
    expect(observer.counts).not.toContain(0);
  });

  it('goes by what it said last while the file, or its folder, is missing', async () => {
    const folder = join(directory, 'folder');
    await mkdir(folder);
    open(join(folder, 'list.json'));
    await write(text(1), join(folder, 'list.json'));
    const observer = await observe();
    await unlink(join(folder, 'list.json'));
    await eventually(() => expect(told()).toEqual(['source.failed']));
    expect(events[0]).toMatchObject({ error: { code: 'ROOKERY_REGISTRY_UNREACHABLE' } });
    await rm(folder, { recursive: true });
    await mkdir(folder);
    await write(text(2), join(folder, 'list.json'));
    await sees(observer, 2);
    await eventually(() => expect(told()).toEqual(['source.failed', 'source.restored']));
    await rm(folder, { recursive: true });
    await eventually(() => expect(told()).toHaveLength(3));
    expect(observer.ids).toEqual(['h-2']);
  });

  it('cannot be reached while there never was a file, and is once there is', async () => {
    const first = new Observer(registry, 's');
    await eventually(() => expect(first.ended).toBe(true));
    expect(first.error).toMatchObject({
      code: 'ROOKERY_REGISTRY_UNREACHABLE',
      path,
      message: expect.stringContaining('there is no such file. Write it, or correct the path') as string,
    });
    await write(text(1));
    expect((await observe()).ids).toEqual(['h-1']);
    expect(events).toEqual([]);
  });

  it.each([
    ['a folder', (where: string) => mkdir(where), 'it is no file.'],
    ['no list', (where: string) => writeFile(where, '{"s":'), 'found text that is no JSON'],
    ['behind a file', async () => ((path = join(path, 'x')), writeFile(join(path, '..'), ''), open(path)), 'ENOTDIR'],
  ])('says so where the path is %s', async (_, make, message) => {
    await make(path);
    const observer = new Observer(registry, 's');
    await eventually(() =>
      expect(observer.error).toMatchObject({ path, message: expect.stringContaining(message) as string }),
    );
  });

  it('skips an entry that is malformed, and tells of it once for as long as it is there', async () => {
    const entries = (weight: unknown, port = 2) => JSON.stringify({ s: [{ address: 'h:1', weight }, `h:${port}`] });
    await write(entries(5));
    const observer = await observe();
    await write(entries('5', 3));
    await sees(observer, 1, 3);
    expect(observer.instances[0]?.weight).toBe(5);
    await write(entries('5', 4));
    await sees(observer, 1, 4);
    expect(events).toMatchObject([{ type: 'entry.malformed', place: `${path}.s[0].weight` }]);
    await write(entries(6, 5));
    await sees(observer, 1, 5);
    await write(entries('5', 6));
    await sees(observer, 1, 6);
    expect(told()).toEqual(['entry.malformed', 'entry.malformed']);
  });

  it('ends with the last content, however many are written at once, and never shows less than one of them', async () => {
    await write(text(1, 2));
    const observer = await observe();
    for (let port = 3; port < 300; port += 1) {
      if (port % 2) await write(text(1, port));
      else await writeFile(path, text(1, port));
    }
    await sees(observer, 1, 299);
    expect(Math.min(...observer.counts)).toBe(2);
  });

  it('is read once for all services, and not at all where nobody watches', async () => {
    const time = fakeTime();
    await registry[Symbol.asyncDispose]();
    await write(JSON.stringify({ a: ['h:1'], b: ['h:2'] }));
    registry = file(path, { time });
    const watchers = await Promise.all(['a', 'b', 'c'].map((service) => observe(service)));
    expect(watchers.map(({ ids }) => ids)).toEqual([['h-1'], ['h-2'], []]);
    await eventually(() => expect(time.timers).toBe(1));
    await Promise.all(watchers.map((watcher) => watcher.stop()));
    await eventually(() => expect(time.timers).toBe(0));
    // What was written meanwhile is in the first answer.
    await write(JSON.stringify({ a: ['h:9'] }));
    expect((await observe('a')).batches[0]).toMatchObject([{ type: 'reset', instances: [{ id: 'h-9' }] }]);
  });

  it('is over once it is closed', async () => {
    await write(text(1));
    const observer = await observe();
    await registry[Symbol.asyncDispose]();
    await eventually(() => expect([observer.ended, observer.error]).toEqual([true, undefined]));
    const late = new Observer(registry, 's');
    await eventually(() => expect(late.error).toMatchObject({ code: 'ROOKERY_REGISTRY_CLOSED' }));
  });

  it.each([
    ['', {}, 'ROOKERY_OPTION_INVALID at registry.path: found "".'],
    [undefined, {}, 'ROOKERY_OPTION_INVALID at registry.path: found undefined.'],
    ['x', { pollMs: 0 }, 'ROOKERY_OPTION_INVALID at registry.pollMs: found 0.'],
    ['x', { pollMs: Infinity }, 'ROOKERY_OPTION_INVALID at registry.pollMs: found Infinity. Use milliseconds from 1'],
    ['x', { pollMs: '500' }, 'ROOKERY_OPTION_INVALID at registry.pollMs: found "500".'],
    ['x', { poll: 5 }, 'ROOKERY_OPTION_INVALID at registry.poll: there is no such option. Did you mean `pollMs`?'],
  ])('refuses %j, %j', (where, options, message) => {
    expect(() => file(where as string, options as object)).toThrow(message);
  });
});
