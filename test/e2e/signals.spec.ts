import { status } from '@grpc/grpc-js';
import { eventually } from 'rookery/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { LifeServer } from '../support/life-stage.js';
import { startClient } from '../support/probe-client.js';
import { startProbe, stopProbes } from '../support/probe-server.js';

/** A test that takes longer hangs, ms. */
const HANGS_MS = 20_000;

describe('two applications in one process', { timeout: HANGS_MS }, () => {
  afterEach(stopProbes);
  const start = (hooks: string) =>
    startProbe({ program: 'dist/test/apps/two-apps.js', name: 'second', env: { TWO_APPS_HOOKS: hooks } });

  it('end by one signal: the one that ends first forces nothing on the other', async () => {
    const server = await start('both');
    await using client = await startClient('memory:', { url: `127.0.0.1:${server.port}` });
    const running = client.probe.ask({ delayMs: 1500 });
    await client.probe.ask({});
    await server.kill('SIGTERM');
    expect(await running).toMatchObject({ name: 'second' });
    expect(server.output.join('\n')).not.toContain('a second');
  });

  it('end by one signal also where only the first one hears it', async () => {
    const server = await start('first');
    // Resolves when the process has ended.
    await server.kill('SIGTERM');
    expect(server.output.join('\n')).not.toContain('a second');
  });
});

describe('a second signal', { timeout: HANGS_MS }, () => {
  it('forces also where the application hears signals only since its servers listen', async () => {
    await using server = await LifeServer.start({
      LIFE_MODE: 'late-hooks',
      LIFE_DRAIN_MS: '600000',
      ROOKERY_REGISTRY: 'memory:',
    });
    const { answer } = await server.begin('Hang');
    server.signal('SIGTERM');
    await server.until('deregistered');
    await eventually(() => {
      server.signal('SIGTERM');
      expect(server.lines.join('\n')).toContain('a second SIGTERM');
    });
    expect(await server.ended()).toBe('SIGTERM');
    expect(await answer).toBe(status.UNAVAILABLE);
  });
});
