import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppModule } from '../src/client/app.module.js';
import { calls } from '../src/client/calls.js';
import { Tally } from '../src/client/tally.js';
import { startGreeter } from '../src/service/start.js';

describe('sample 02-groups-and-weights', () => {
  const apps: INestApplicationContext[] = [];
  let tally: Tally;

  beforeAll(async () => {
    apps.push(await startGreeter('heavy', { weight: 3 }));
    apps.push(await startGreeter('light', { weight: 1 }));
    apps.push(await startGreeter('canary', { weight: 4, group: 'canary' }));
    const client = await NestFactory.createApplicationContext(AppModule);
    apps.unshift(client);
    tally = client.get(Tally);
    await tally.meet(['heavy', 'light', 'canary']);
  });

  afterAll(async () => {
    for (const app of apps) await app.close();
  });

  it.each([
    ['no group', { heavy: 300, light: 100 }],
    ['canary', { canary: 100 }],
    ['canary, else ungrouped', { canary: 100 }],
    ['blue, else ungrouped', { heavy: 300, light: 100 }],
    ['blue', { ROOKERY_GROUP_MISSING: 1 }],
    ['any', { heavy: 300, light: 100, canary: 400 }],
    ['lane canary', { canary: 100 }],
    ['lane blue', { heavy: 300, light: 100 }],
  ])('splits the calls of "%s" exactly', async (name, answers) => {
    expect(await calls[name]!(tally)).toEqual(answers);
  });
});
