import { afterEach, describe, expect, it } from 'vitest';
import { scriptedDirectory } from '../core/directory.stage.js';
import { explanationText } from '../core/explanation-text.js';
import { memory } from '../registries/memory.js';
import { eventually } from '../testing/eventually.js';
import { closeAll, failure, fleet, freePort, startMute, warm } from './discovery.stage.js';

afterEach(closeAll);

describe('a call whose deadline passes before any instance has it', () => {
  it('says that the registry has not answered', async () => {
    const ask = fleet(scriptedDirectory(memory())).dial();
    const error = await failure(ask({ timeoutMs: 100 }));
    expect(error).toMatchObject({ code: 4, reason: 'ROOKERY_CALL_TIMEOUT', attempts: 0 });
    expect(error.message).toMatch(/: who: the registry memory: has not answered yet$/);
    const byDefault = await failure(fleet(scriptedDirectory(memory())).dial({ timeoutMs: 100 })());
    expect(byDefault.message).toMatch(/has not answered yet \(the default of 100 ms: set timeoutMs/);
  });

  it('says that nobody was connected, or usable, yet', async () => {
    const { registry, entry, dial } = fleet();
    const { port } = await startMute();
    registry.register(entry({ port, peer: 1 }));
    const ask = dial();
    expect((await failure(ask({ timeoutMs: 300 }))).message).toMatch(/: who: no instance was connected yet$/);
    const patient = await failure(ask({ timeoutMs: 100, waitForReady: true, group: 'B' }));
    expect(patient.message).toMatch(/: who: there was no usable instance$/);
  });

  it('says nothing of the kind where an instance had it', async () => {
    const { add, dial } = fleet();
    await add('one');
    const ask = dial();
    await warm(ask, 1);
    const error = await failure(ask({ timeoutMs: 0.01 }));
    expect(error.message).not.toMatch(/not answered|connected yet|usable/);
  });
});

describe('who cannot be reached', () => {
  it('is told with the address, but not to callers', async () => {
    const { registry, entry, dial } = fleet();
    const port = await freePort();
    registry.register(entry({ port }));
    const told: unknown[] = [];
    const ask = dial({ emit: (event) => 'error' in event && event.error && told.push(event.error) });
    expect((await failure(ask())).details).toMatch(/Last error: connect ECONNREFUSED <address>\.$/);
    expect(told).toEqual([`connect ECONNREFUSED 127.0.0.1:${port}`]);
  });
});

describe('explain of a directory', () => {
  it('tells of the channels that ask for a service, with the groups of their clients and their picks', async () => {
    const { registry, directory, add, entry, dial } = fleet();
    const { server, claim } = await add('one', { group: 'A' });
    const gone = entry({ port: await freePort(), peer: 1, group: 'A' });
    registry.register(gone);
    expect(directory.explain('who')).toMatchObject({ view: 'unwatched', channels: [] });
    const ask = dial({ group: ['B', 'A'] });
    await warm(ask, 1);
    const other = dial();
    expect(await failure(other())).toMatchObject({ reason: 'ROOKERY_GROUP_MISSING' });
    const { instances, channels } = directory.explain('who');
    const place = { instance: claim.instance.id, address: `127.0.0.1:${server.port}`, group: 'A' };
    expect(channels).toMatchObject([
      { channel: 1, outcome: { result: 'pick', groups: ['A'] } },
      { channel: 2, outcome: { result: 'fail', reason: 'ROOKERY_GROUP_MISSING' }, picks: [] },
    ]);
    expect(channels[0]!.picks[0]).toMatchObject({ ...place, rule: 'client', passedOver: ['B'], attempt: 1 });
    expect(channels[0]!.picks[0]!.agoMs).toBeGreaterThanOrEqual(0);
    expect(instances.map(({ id, pickable, channels: standings }) => [id, pickable, standings[0]?.pickable])).toEqual([
      [claim.instance.id, false, true],
      [gone.id, false, false],
    ]);
    // The other channel connects only now.
    await eventually(() => expect(directory.explain('who', { group: 'A' }).instances[0]!.pickable).toBe(true));
    expect(explanationText(directory.explain('who'))).toContain(`127.0.0.1:${server.port}`);
  });
});
