import { eventually } from 'rookery/testing';
import { describe, expect, it } from 'vitest';
import { etcdStage } from '../support/etcd-stage.js';

describe('an address is not an identity', () => {
  const stage = etcdStage();
  const impostors = [
    { what: 'in another group', options: { group: 'B' } as { group?: string; service?: string } },
    { what: 'of another service', options: { service: 'orders' } },
  ];
  for (const { what, options } of impostors) {
    it(`no call reaches a server ${what} that replaced a killed one on its port at once`, async () => {
      const [first] = await Promise.all(['first', 'stays'].map((name) => stage.startProbe({ name, group: 'A' })));
      const warned: string[] = [];
      const client = await stage.startClient({ group: 'A' }, (line) => warned.push(line));
      await client.sees(['first', 'stays']);
      const answered: Record<string, number> = {};
      let calling = true;
      const caller = (async () => {
        while (calling)
          for (const [name, n] of Object.entries(await client.tally(10))) answered[name] = (answered[name] ?? 0) + n;
      })();
      try {
        await first!.kill('SIGKILL');
        // The old entry, in group A, stands in the registry until its lease runs out.
        const thief = await stage.startProbe({ name: 'thief', url: `127.0.0.1:${first!.port}`, ...options });
        expect(thief.port).toBe(first!.port);
        // Nest has one logger for the whole process.
        const invited = await stage.startClient(options, (line) => warned.push(line));
        expect(await invited.tally(50)).toEqual({ thief: 50 });
        // The registry tells of a newer entry in the group; of another service it tells this client nothing.
        if (options.service) await eventually(() => expect(warned.join()).toContain('it hosts another service'));
        expect(await client.tally(200)).toEqual({ stays: 200 });
      } finally {
        calling = false;
        await caller;
      }
      expect(answered['thief'] ?? 0).toBe(0);
    });
  }
});
