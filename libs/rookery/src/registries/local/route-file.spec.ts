import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RookeryEvent } from '../../core/event.js';
import { RouteReader, routeFile, writeRoute } from './route-file.js';

const SPLIT = { type: 'split', shares: { stable: 95, '': 5 } } as const;

let directory: string;
let folder: string;
let events: RookeryEvent[];
let reader: RouteReader;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rookery-'));
  folder = join(directory, 'default', 'services', 's');
  events = [];
  reader = new RouteReader(folder, (event) => events.push(event));
});
afterEach(() => rm(directory, { recursive: true }));

describe('the file of a route', () => {
  it('is written whole, for its owner alone, and leaves nothing behind', async () => {
    await writeRoute(directory, folder, SPLIT);
    expect(await readdir(folder)).toEqual(['route']);
    expect(JSON.parse(await readFile(routeFile(folder), 'utf8'))).toEqual(SPLIT);
    expect((await stat(routeFile(folder))).mode & 0o777).toBe(0o600);
    expect(await reader.read()).toEqual(SPLIT);
    await writeRoute(directory, folder, undefined);
    await writeRoute(directory, folder, undefined);
    expect(await readdir(folder)).toEqual([]);
    expect(await reader.read()).toBeUndefined();
  });

  it('may be written by hand; what cannot be read is told once, and the last good route stays', async () => {
    await writeRoute(directory, folder, SPLIT);
    await reader.read();
    for (const text of ['{"type":"split","shares":{"stable":-1}}', 'x'.repeat(100_000)]) {
      await writeFile(routeFile(folder), text);
      expect(await reader.read()).toEqual(SPLIT);
      expect(await reader.read()).toEqual(SPLIT);
    }
    expect(events).toMatchObject([1, 2].map(() => ({ type: 'entry.malformed', place: routeFile(folder) })));
    await writeFile(routeFile(folder), '{"type":"any"}');
    expect(await reader.read()).toEqual({ type: 'any' });
  });

  it('says in words what keeps it from being written', async () => {
    await mkdir(join(directory, 'default', 'services'), { recursive: true });
    await writeFile(folder, 'a file where the folder should be');
    await expect(writeRoute(directory, folder, SPLIT)).rejects.toMatchObject({
      code: 'ROOKERY_REGISTRY_UNREACHABLE',
      path: routeFile(folder),
      message: expect.stringMatching(/the route was not written: E\w+/),
    });
    await chmod(directory, 0o777);
    await expect(writeRoute(directory, folder, SPLIT)).rejects.toMatchObject({ code: 'ROOKERY_REGISTRY_INSECURE' });
  });
});
