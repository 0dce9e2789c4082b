import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkDirectory, decodeName, defaultDirectory, encodeName, makeFolder } from './folder.js';

let root: string;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'rookery-folder-'))));
afterAll(() => rm(root, { recursive: true }));

describe('the directory', () => {
  it('is in XDG_RUNTIME_DIR where that exists, else in the home', () => {
    expect(defaultDirectory({ XDG_RUNTIME_DIR: root })).toBe(join(root, 'rookery'));
    expect(defaultDirectory({ XDG_RUNTIME_DIR: join(root, 'nowhere') })).toBe(join(homedir(), '.rookery'));
    expect(defaultDirectory({})).toBe(join(homedir(), '.rookery'));
  });

  it('is made for its owner alone', async () => {
    const directory = join(root, 'made');
    await makeFolder(directory, join(directory, 'default', 'services', 's'));
    for (const folder of [directory, join(directory, 'default'), join(directory, 'default', 'services', 's')]) {
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
    }
  });

  it.each([0o770, 0o702, 0o777])('is refused where others may write it: mode %o', async (mode) => {
    const directory = join(root, `open-${mode}`);
    await mkdir(directory);
    await chmod(directory, mode);
    expect(() => checkDirectory(directory)).toThrow(/ROOKERY_REGISTRY_INSECURE at .*others can write .*chmod 700/);
    await expect(makeFolder(directory, join(directory, 's'))).rejects.toThrow('ROOKERY_REGISTRY_INSECURE');
  });

  it('is refused where it is somebody else’s', async () => {
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(4711);
    try {
      expect(() => checkDirectory(root)).toThrow(/ROOKERY_REGISTRY_INSECURE.*while this process is user 4711/);
    } finally {
      getuid.mockRestore();
    }
  });

  it('is refused where it is a file, and left alone where it is not there', async () => {
    await writeFile(join(root, 'file'), '');
    expect(() => checkDirectory(join(root, 'file'))).toThrow('ROOKERY_REGISTRY_INSECURE');
    checkDirectory(join(root, 'absent'));
  });
});

describe('encodeName', () => {
  it.each(['user-server', 'A.b_C', '..', '.hidden', 'a/b', 'ключ', 'CON', 'x'.repeat(63)])('comes back: %s', (name) => {
    expect(encodeName(name)).toMatch(/^[a-z0-9_%-]+$/);
    expect(decodeName(encodeName(name))).toBe(name);
  });

  it('keeps names apart on file systems that ignore case', () => {
    expect(encodeName('Ab').toLowerCase()).not.toBe(encodeName('aB').toLowerCase());
  });

  it('makes nothing of what is no encoded name', () => {
    expect(decodeName('%zz')).toBeUndefined();
  });
});
