import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LifeServer } from '../support/life-stage.js';

/** A test that takes longer hangs, ms: far less than the drain may take. */
const HANGS_MS = 20_000;

describe('a client that is frozen and has no call', { timeout: HANGS_MS }, () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'rookery-frozen-'))));
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(['close()', 'SIGTERM'] as const)('does not hold up the end of a server until its limit: %s', async (end) => {
    const env = { ROOKERY_REGISTRY: 'local:', XDG_RUNTIME_DIR: folder, LIFE_DRAIN_MS: '600000' };
    await using server = await LifeServer.start(env);
    const frozen = fork('dist/test/apps/idle-client.js', [server.address], { execArgv: [] });
    try {
      await once(frozen, 'message');
      frozen.kill('SIGSTOP');
      if (end === 'close()') server.close();
      else server.signal(end);
      expect(await server.ended()).toBe(end === 'close()' ? 0 : end);
    } finally {
      frozen.kill('SIGKILL');
    }
  });
});
