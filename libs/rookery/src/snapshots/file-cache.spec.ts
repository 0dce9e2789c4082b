import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RookeryEvent } from '../core/event.js';
import { createInstance, type InstanceInit, type ServiceInstance } from '../core/instance.js';
import type { ViewCache } from '../core/view-cache.js';
import type { KnownView } from '../core/view.js';
import { eventually } from '../testing/eventually.js';
import { fakeTime, type FakeTime } from '../testing/fake-time.js';
import { fileCache } from './file-cache.js';

const DAY = 86_400_000;

let dir: string;
let time: FakeTime;
let now: number;
let events: RookeryEvent[];
let cache: ViewCache;

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'rookery-snapshots-')), 'made', 'here');
  time = fakeTime();
  now = 1_700_000_000_000;
  events = [];
  cache = open();
});
afterEach(() => rmSync(dirname(dirname(dir)), { recursive: true, force: true }));

function open({ registry = 'etcd://10.0.0.1:2379/rookery', maxAgeMs = DAY, at = dir } = {}): ViewCache {
  const emit = (event: RookeryEvent) => void events.push(event);
  return fileCache({ dir: at, maxAgeMs }, { registry, emit, time, now: () => now });
}

const instance = (id: string, init: Partial<InstanceInit> = {}) =>
  createInstance({ id, service: 's', address: '10.0.0.1:1', ...init });

const view = (...instances: ServiceInstance[]): KnownView => ({
  status: 'known',
  instances: new Map(instances.map((each) => [each.id, each])),
  revision: 1,
});

async function kept(given: KnownView, service = 's', by = cache): Promise<void> {
  by.save(service, given);
  await by.flush();
}

/** Every file below the folder. */
const files = () =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
const ids = async (by = open(), service = 's') => (await by.load(service))?.instances.map(({ id }) => id);

describe('a snapshot on disk', () => {
  it('holds all fields of the instances, their order and the route, and knows its age', async () => {
    const foreign = instance('foreign', { address: '[::1]:2' });
    const ours = instance('a.B_c-1', {
      group: 'canary',
      weight: 0,
      status: 'draining',
      generation: 'g',
      peer: 1,
      secure: true,
      zone: 'z',
      version: '1.2',
      metadata: { key: 'a\n"b"', __proto__x: 'ü' },
    });
    const route = { type: 'split', shares: { canary: 5, '': 95 } } as const;
    await kept({ ...view(foreign, ours), route });
    now += 60_000;
    const snapshot = await open().load('s');
    expect(snapshot).toEqual({ instances: [foreign, ours], route, ageMs: 60_000 });
    expect(events).toEqual([]);
  });

  it('is nothing, and no event, where there is none', async () => {
    expect(await cache.load('s')).toBeUndefined();
    await kept(view(instance('a')), 'other');
    expect(await cache.load('s')).toBeUndefined();
    expect(events).toEqual([]);
  });

  it('is for its owner alone, in a folder by registry, under a name that is safe on every file system', async () => {
    await kept(view(), 'User.v1');
    const [file] = files();
    expect(file).toMatch(/\/here\/[0-9a-f]{16}\/%55ser%2ev1\.jsonl$/);
    expect([statSync(file!).mode & 0o777, statSync(dirname(file!)).mode & 0o777, statSync(dir).mode & 0o777]).toEqual([
      0o600, 0o700, 0o700,
    ]);
    expect(file).not.toContain('10.0.0.1');
  });

  it('is of one registry and prefix: others keep theirs beside it', async () => {
    const other = { registry: 'etcd://10.0.0.1:2379/staging' };
    await kept(view(instance('a')));
    await kept(view(instance('b')), 's', open(other));
    expect([await ids(), await ids(open(other)), files().length]).toEqual([['a'], ['b'], 2]);
  });

  it('is whole whichever of several processes writes, and leaves no unfinished file', async () => {
    const all = [open(), open(), open()];
    const big = Array.from({ length: 500 }, (_, i) => instance(`i${i}`));
    await Promise.all(all.map((each, n) => kept(view(...big.slice(0, 500 - n)), 's', each)));
    expect((await ids())!.length).toBeGreaterThan(497);
    expect(files()).toHaveLength(1);
  });

  it('takes no long stretch of the event loop, written or read', async () => {
    const many = Array.from({ length: 10_000 }, (_, i) => instance(`i${i}`, { metadata: { key: 'value'.repeat(20) } }));
    let turns = 0;
    let counting = true;
    const count = () => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    await kept(view(...many));
    const writing = turns;
    expect(await ids()).toHaveLength(10_000);
    counting = false;
    expect(writing).toBeGreaterThanOrEqual(100);
    expect(turns - writing).toBeGreaterThanOrEqual(100);
  });
});

describe('a view is written', () => {
  it('at once, and then at most every five seconds, as it is by then', async () => {
    const instances = new Map([['a', instance('a')]]);
    cache.save('s', { status: 'known', instances, revision: 1 });
    await eventually(async () => expect(await ids()).toEqual(['a']));
    instances.set('b', instance('b'));
    cache.save('s', { status: 'known', instances, revision: 2 });
    time.advance(4999);
    instances.set('c', instance('c'));
    cache.save('s', { status: 'known', instances, revision: 3 });
    expect(time.timers).toBe(1);
    expect(await ids()).toEqual(['a']);
    time.advance(1);
    await eventually(async () => expect(await ids()).toEqual(['a', 'b', 'c']));
    expect(time.timers).toBe(0);
  });

  it('once: what stays the same is written again only when it would look old', async () => {
    const same = view(instance('a'));
    await kept(same);
    const first = statSync(files()[0]!).ino;
    time.advance(DAY / 24 - 1);
    await kept(same);
    expect(statSync(files()[0]!).ino).toBe(first);
    time.advance(1);
    now += DAY / 24;
    await kept(same);
    expect(await open().load('s')).toMatchObject({ ageMs: 0 });
  });

  it('after what others have left that died while they wrote', async () => {
    await kept(view());
    const folder = dirname(files()[0]!);
    const [old, young, foreign] = ['.old.tmp', '.young.tmp', 'mine.txt'].map((name) => join(folder, name));
    for (const path of [old!, young!, foreign!]) writeFileSync(path, 'x');
    const hour = new Date(Date.now() - 3_600_000);
    for (const path of [old!, foreign!]) utimesSync(path, hour, hour);
    await kept(view(), 's', open());
    expect(files().toSorted()).toEqual([young!, join(folder, 's.jsonl'), foreign!].toSorted());
  });

  it('or not, which is told once until it succeeds again', async () => {
    mkdirSync(dirname(dir), { recursive: true });
    writeFileSync(dir, 'a file, where the folder should be');
    await kept(view(instance('a')), 's');
    await kept(view(instance('b')), 's');
    await kept(view(instance('c', { service: 't' })), 't');
    expect(events).toMatchObject([
      { type: 'snapshot.failed', service: 's', error: { code: 'ROOKERY_SNAPSHOT_UNWRITABLE' } },
    ]);
    rmSync(dir);
    await kept(view(instance('b')), 's');
    await kept(view(instance('c', { service: 't' })), 't');
    expect([await ids(), await ids(open(), 't')]).toEqual([['b'], ['c']]);
    rmSync(dir, { recursive: true });
    writeFileSync(dir, 'again');
    await kept(view(instance('d', { service: 't' })), 't');
    expect(events).toHaveLength(2);
    expect(events[1]).toMatchObject({ type: 'snapshot.failed', service: 't' });
  });
});

describe('a snapshot is ignored, with one event,', () => {
  let file: string;
  beforeEach(async () => {
    await kept({ ...view(...Array.from({ length: 250 }, (_, i) => instance(`i${i}`))), route: { type: 'any' } });
    file = files()[0]!;
  });

  const edit = (change: (text: string) => string) => writeFileSync(file, change(readFileSync(file, 'utf8')));

  async function ignored(code: string, found: string, by = open()): Promise<void> {
    for (let i = 0; i < 3; i += 1) expect(await by.load('s')).toBeUndefined();
    expect(events).toMatchObject([{ type: 'snapshot.ignored', service: 's', path: file, error: { code } }]);
    expect((events[0] as { error: Error }).error.message).toContain(found);
  }

  it.each<[string, string, (text: string) => string]>([
    ['empty', 'no snapshot', () => ''],
    ['garbage', 'no snapshot', () => '\u0000\u0001{{{'],
    ['JSON of something else', 'no snapshot', () => '[1]\n'],
    ['cut in the middle', 'not written to its end', (text) => text.slice(0, text.length / 2)],
    ['cut behind a line', 'not written to its end', (text) => text.split('\n').slice(0, 100).join('\n') + '\n'],
    ['without its last byte', 'not written to its end', (text) => text.slice(0, -1)],
    ['a line short', 'not written to its end', (text) => text.replace(/^.*"i7".*\n/m, '')],
    ['changed in one byte', 'changed after it was written', (text) => text.replace('"i7"', '"i8"')],
    ['changed in its head', 'changed after it was written', (text) => text.replace('"any"', '"anx"')],
    ['of another version of the format', 'found version 2 of the format', (text) => text.replace('"v":1', '"v":2')],
  ])('where it is %s', async (_, found, change) => {
    edit(change);
    await ignored('ROOKERY_SNAPSHOT_MALFORMED', found);
    await kept(view(instance('anew')));
    expect(await ids()).toEqual(['anew']);
  });

  it('where it holds what no Rookery of today writes, though its sum is right', async () => {
    const text = readFileSync(file, 'utf8').replace('"weight":100', '"weight":-1');
    const body = text.split('\n').slice(0, -2).join('\n') + '\n';
    const sha256 = createHash('sha256').update(body).digest('hex');
    writeFileSync(file, `${body}${JSON.stringify({ instances: 250, sha256 })}\n`);
    await ignored('ROOKERY_SNAPSHOT_MALFORMED', ':2.weight');
  });

  it('where it cannot be read at all', async () => {
    rmSync(file);
    mkdirSync(file);
    await ignored('ROOKERY_SNAPSHOT_MALFORMED', 'EISDIR');
  });

  it('where it is of another registry', async () => {
    const other = open({ registry: 'etcd://10.0.0.1:2379/staging' });
    await kept(view(instance('b')), 's', other);
    const theirs = files().find((path) => path !== file)!;
    copyFileSync(theirs, file);
    await ignored('ROOKERY_SNAPSHOT_FOREIGN', 'found a snapshot of "etcd://10.0.0.1:2379/staging".');
  });

  it('where it is of another service', async () => {
    await kept(view(), 't');
    copyFileSync(join(dirname(file), 't.jsonl'), file);
    await ignored('ROOKERY_SNAPSHOT_FOREIGN', 'found a snapshot of the service "t".');
  });

  it('where it is too old, or from the future', async () => {
    now += DAY;
    expect(await ids()).toHaveLength(250);
    now += 1000;
    await ignored('ROOKERY_SNAPSHOT_EXPIRED', '86401 s old, where maxAgeMs is 86400000');
    now -= 2 * DAY + 2000;
    expect(await ids()).toBeUndefined();
  });

  it('where others can write the folder; it is not written there either', async () => {
    chmodSync(dir, 0o777);
    const before = readFileSync(file);
    expect(await ids()).toBeUndefined();
    await kept(view(instance('b')));
    expect(events).toMatchObject([
      { type: 'snapshot.ignored', error: { code: 'ROOKERY_SNAPSHOT_INSECURE', path: dir } },
      { type: 'snapshot.failed', error: { code: 'ROOKERY_SNAPSHOT_INSECURE', path: dir } },
    ]);
    expect(readFileSync(file)).toEqual(before);
  });
});
