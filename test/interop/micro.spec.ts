import { describe, expect, it } from 'vitest';
import { baselineCases, peerCases } from './support/cases.js';
import { InteropStage } from './support/interop-stage.js';
import { MICRO } from './support/peers.js';
import { sees } from './support/sides.js';

describe(MICRO.name, () => {
  const stage = new InteropStage();
  baselineCases(stage, MICRO);

  it('a client in Go honours weights and groups of servers in Go', async () => {
    const service = stage.service(MICRO);
    await Promise.all([
      service.goServer('light', { weight: 1 }),
      service.goServer('heavy', { weight: 3 }),
      service.goServer('canary', { weight: 9, group: 'canary' }),
    ]);
    const client = await service.goClient();
    await sees(client, ['light', 'heavy']);
    expect((await client.ask({ n: 40 })).tally).toEqual({ light: 10, heavy: 30 });
    expect((await client.ask({ n: 5, group: 'canary' })).tally).toEqual({ canary: 5 });
  });

  describe('with Nest', () => {
    peerCases(stage, MICRO);

    it('a client in Go honours weights and groups of Nest servers', async () => {
      const service = stage.service(MICRO);
      await Promise.all([
        service.nestServer('light', { weight: 100 }),
        service.nestServer('heavy', { weight: 300 }),
        service.nestServer('canary', { weight: 900, group: 'canary' }),
      ]);
      const client = await service.goClient();
      await sees(client, ['light', 'heavy']);
      expect((await client.ask({ n: 40 })).tally).toEqual({ light: 10, heavy: 30 });
      expect((await client.ask({ n: 5, group: 'canary' })).tally).toEqual({ canary: 5 });
    });

    it('a Nest client honours weights and groups of servers in Go', async () => {
      const service = stage.service(MICRO);
      await Promise.all([
        service.goServer('light', { weight: 1 }),
        service.goServer('heavy', { weight: 3 }),
        service.goServer('canary', { weight: 9, group: 'canary' }),
      ]);
      const client = await service.nestClient();
      await sees(client, ['light', 'heavy']);
      expect((await client.ask({ n: 40 })).tally).toEqual({ light: 10, heavy: 30 });
      expect((await client.ask({ n: 5 }, { group: 'canary' })).tally).toEqual({ canary: 5 });
    });
  });
});
