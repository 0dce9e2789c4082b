import { Rookery } from 'rookery';
import { eventually, manualRegistry, type ManualRegistry } from 'rookery/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NestStage } from '../support/nest-stage.js';

let dir: string;
let stage: NestStage;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rookery-cache-'));
  stage = new NestStage();
});
afterEach(async () => {
  await stage.close();
  rmSync(dir, { recursive: true, force: true });
});

/** An application that follows a service. */
async function started(registry: ManualRegistry) {
  const app = await stage.context(stage.module({ root: { registry, cache: { dir } }, controllers: [] }));
  const rookery = app.get(Rookery);
  rookery.directory.subscribe('users', () => {});
  return { app, rookery };
}

it('an application starts from what the one before it knew, and says so', async () => {
  const registry = manualRegistry();
  registry.set('users', { id: 'a' });
  const before = await started(registry);
  await eventually(() => expect(before.rookery.check().status).toBe('up'));
  registry.set('users', { id: 'b', weight: 7 });
  await eventually(() => expect(before.rookery.check().services[0]?.instances).toBe(2));
  await before.app.close();
  expect(stage.warnings).toEqual([]);

  const away = manualRegistry();
  away.down();
  const { rookery } = await started(away);
  await eventually(() => expect(rookery.check().services).toEqual([{ service: 'users', view: 'stale', instances: 2 }]));
  expect(rookery.check().status).toBe('degraded');
  expect(stage.warnings[0]).toMatch(
    /^users: manual: has not answered; calls go by a snapshot of 2 instances, \d+ s old$/,
  );

  away.set('users', { id: 'b', weight: 7 });
  away.up();
  await eventually(() => expect(rookery.check().services).toEqual([{ service: 'users', view: 'known', instances: 1 }]));
});
