import { describe, expect, it } from 'vitest';
import { baselineCases, peerCases } from './support/cases.js';
import { InteropStage } from './support/interop-stage.js';
import { KRATOS } from './support/peers.js';
import { sees } from './support/sides.js';

describe(KRATOS.name, () => {
  const stage = new InteropStage();
  baselineCases(stage, KRATOS);

  describe('with Nest', () => {
    peerCases(stage, KRATOS);

    it('its client honours the weights of Nest servers', async () => {
      const service = stage.service(KRATOS);
      await Promise.all([service.nestServer('light', { weight: 100 }), service.nestServer('heavy', { weight: 300 })]);
      const client = await service.goClient();
      await sees(client, ['light', 'heavy']);
      expect((await client.ask({ n: 40 })).tally).toEqual({ light: 10, heavy: 30 });
    });

    it('a Nest client honours the weights of its servers', async () => {
      const service = stage.service(KRATOS);
      await Promise.all([service.goServer('light', { weight: 100 }), service.goServer('heavy', { weight: 300 })]);
      const client = await service.nestClient();
      await sees(client, ['light', 'heavy']);
      expect((await client.ask({ n: 40 })).tally).toEqual({ light: 10, heavy: 30 });
    });
  });
});
