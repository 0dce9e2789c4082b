import { getServiceToken, RookeryModule, type AsyncClient } from 'rookery';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe, type Probe } from '../apps/contracts.js';
import { NestStage } from '../support/nest-stage.js';

let stage: NestStage;
beforeEach(() => void (stage = new NestStage()));
afterEach(() => stage.close());

describe('a client of forFeature with healthCheck', () => {
  it('leaves out a server whose own check fails, though it stays registered, and comes back to it', async () => {
    let well = true;
    const health = { check: () => well, intervalMs: 20 };
    const { rookery } = await stage.listening({ service: probe('probe'), health }, stage.module({ name: 'a' }));
    await stage.listening({ service: probe('probe') }, stage.module({ name: 'b' }));
    const app = await stage.client(RookeryModule.forFeature([{ service: probe('probe'), healthCheck: true }]));
    const client = app.get<AsyncClient<Probe>>(getServiceToken('probe', 'Probe'));
    const names = async () => {
      const answers = [];
      for (let i = 0; i < 10; i += 1) answers.push((await client.ask({})).name);
      return [...new Set(answers)].toSorted();
    };
    await eventually(async () => expect(await names()).toEqual(['a', 'b']));
    well = false;
    await eventually(async () => expect(await names()).toEqual(['b']));
    expect(rookery.registrations).toMatchObject([{ state: 'registered' }]);
    well = true;
    await eventually(async () => expect(await names()).toEqual(['a', 'b']));
  });
});
