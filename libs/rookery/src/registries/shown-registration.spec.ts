import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createInstance } from '../core/instance.js';
import { etcd } from './etcd/index.js';
import { local } from './local.js';
import { memory } from './memory.js';

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'rookery-shown-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a registration as JSON and in logs', () => {
  it.each([
    ['memory', () => memory()],
    ['local', () => local({ directory })],
    // Nothing listens there.
    ['etcd', () => etcd({ hosts: '127.0.0.1:1', username: 'root', password: 'geheim' })],
  ])('of %s is its state and its instance, and nothing behind them', async (_, make) => {
    await using registry = make();
    const registration = registry.register(createInstance({ id: 'a', service: 'users', address: 'h:1' }));
    const { state, instance } = registration;
    expect(JSON.parse(JSON.stringify(registration))).toEqual(JSON.parse(JSON.stringify({ state, instance })));
    for (const shown of [registration, registry]) {
      expect(inspect(shown, { depth: 9 })).not.toMatch(/geheim|pidNamespace|boot/);
      expect(() => JSON.stringify(shown)).not.toThrow();
    }
    expect(inspect([registration], { depth: 9 })).toContain(`state: '${state}'`);
  });
});
