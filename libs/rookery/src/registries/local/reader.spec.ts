import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RookeryEvent } from '../../core/event.js';
import { createInstance } from '../../core/instance.js';
import { fakeTime, type FakeTime } from '../../testing/fake-time.js';
import { encodeEntry } from './entry.js';
import { entryFile, writeEntry } from './files.js';
import { ownIdentity, type ProcessIdentity } from './process-identity.js';
import { FolderReader } from './reader.js';

const here = ownIdentity();
const elsewhere = { ...here, boot: 'another', machine: 'another' };
let folder: string;
let time: FakeTime;
let events: RookeryEvent[];
let reader: FolderReader;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rookery-reader-'));
  time = fakeTime(1e6);
  events = [];
  reader = new FolderReader(folder, 's', here, time, (event) => events.push(event));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(id: string, owner: ProcessIdentity | null = here, since = 1): Promise<void> {
  const instance = createInstance({ id, service: 's', address: '127.0.0.1:1' });
  await writeEntry(folder, id, encodeEntry({ instance, pinned: [], since, ...(owner && { owner }) }));
}

const ids = async () => (await reader.read()).map(({ id }) => id);
const touch = (id: string, ms: number) => utimes(entryFile(folder, id), ms / 1000, ms / 1000);
const malformedCount = () => events.filter(({ type }) => type === 'entry.malformed').length;

describe('FolderReader', () => {
  it('reads entries oldest first, and nothing else', async () => {
    await put('young', here, 2);
    await put('Old', here, 1);
    await writeFile(join(folder, '.young-1234.tmp'), 'half an ent');
    await writeFile(join(folder, 'readme.txt'), '');
    await writeFile(join(folder, '%zz.json'), '{}');
    await writeFile(join(folder, 'gone.left'), '');
    expect(await ids()).toEqual(['Old', 'young']);
    expect(events).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('leaves out the entries of the dead, and says which they are', async () => {
    await put('alive');
    await put('dead', { ...here, start: '1' });
    expect(await ids()).toEqual(['alive']);
    expect(await reader.dead()).toEqual(['dead']);
  });

  it('goes by the time of the file where it cannot see the process', async () => {
    await put('far', elsewhere);
    await put('ownerless', null);
    await put('late', elsewhere, 9);
    await touch('late', Date.now() - 60_000);
    expect(await ids()).toEqual(['far', 'ownerless']);
    time.advance(9000);
    expect(await ids()).toEqual(['far', 'ownerless']);
    await touch('far', 1);
    time.advance(1000);
    expect(await ids()).toEqual(['far']);
    // A clock that is an hour behind is no death: it moves.
    await touch('late', Date.now() - 3_600_000);
    expect(await ids()).toEqual(['far', 'late']);
    time.advance(10_000);
    expect(await ids()).toEqual([]);
    expect(await reader.dead()).toEqual([]);
  });

  it.each([
    '',
    'null',
    '[]',
    '{"address":"nowhere"}',
    '{"address":"h:1","weight":-1}',
    '{"address":"h:1"',
    `"${'x'.repeat(70_000)}"`,
  ])('skips a malformed file alone, and reports it once: %.30s', async (text) => {
    await put('good');
    await writeFile(entryFile(folder, 'bad'), text);
    expect(await ids()).toEqual(['good']);
    await touch('good', 5);
    expect(await ids()).toEqual(['good']);
    expect(malformedCount()).toBe(1);
    expect(events[0]).toMatchObject({ place: entryFile(folder, 'bad'), error: { code: 'ROOKERY_ENTRY_MALFORMED' } });
  });

  it('says which field of a malformed file is wrong', async () => {
    await put('good');
    await writeFile(entryFile(folder, 'bad'), '{"address":"h:1","weight":99999}');
    await ids();
    const { error } = events[0] as { error: Error };
    expect(error.message).toContain('bad.json: value.weight: found 99999. Use a whole number from 0 to 10000');
  });

  it('keeps the last good value of a file that becomes malformed, and reports each text once', async () => {
    await put('a');
    await ids();
    for (const text of ['{', '{', '{{']) {
      await writeFile(entryFile(folder, 'a'), text);
      expect(await ids()).toEqual(['a']);
      await touch('a', Date.now());
      expect(await ids()).toEqual(['a']);
    }
    expect(malformedCount()).toBe(2);
    await rm(entryFile(folder, 'a'));
    expect(await ids()).toEqual([]);
  });

  it('ignores what the file says of its own place, and fields that it does not know', async () => {
    const text =
      '{"address":"h:1","id":"x","service":"y","future":{},"weight":3,"__proto__":{"group":"B"},"status":"new"}';
    await writeFile(entryFile(folder, 'a'), text);
    expect(await reader.read()).toMatchObject([{ id: 'a', service: 's', weight: 3, group: '', status: 'up' }]);
  });

  it.runIf(process.platform !== 'win32')('does not wait for a pipe', async () => {
    execFileSync('mkfifo', [entryFile(folder, 'pipe')]);
    expect(await ids()).toEqual([]);
  });
});
