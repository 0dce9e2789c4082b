import { eventually } from 'rookery/testing';
import { expect, it } from 'vitest';
import type { InteropStage } from './interop-stage.js';
import type { Peer } from './peers.js';
import { GO_TO_GO, GO_TO_NEST, NEST_TO_GO, sees, type Sides } from './sides.js';

/** What holds whoever serves and whoever calls. Call inside `describe`. */
export function sharedCases(stage: InteropStage, peer: Peer, sides: Sides): void {
  it(`${sides.title} calls and streams from all of them`, async () => {
    const service = stage.service(peer);
    await Promise.all(['a', 'b'].map((name) => sides.server(service, name)));
    const client = await sides.client(service);
    await sees(client, ['a', 'b']);
    // Some balancers leave one of two idle for a second.
    const served = new Set<string>();
    await eventually(async () => {
      const { tally, failed } = await client.follow({ n: 4, count: 3 });
      expect(failed).toEqual({});
      for (const [name, messages] of Object.entries(tally)) {
        served.add(name);
        expect(messages % 3, 'a stream has all of its messages, of one server').toBe(0);
      }
      expect([...served].toSorted()).toEqual(['a', 'b']);
    });
  });

  it(`${sides.title} follows joins and leaves under load, and loses no call`, async () => {
    const service = stage.service(peer);
    const leaving = await sides.server(service, 'leaving');
    const client = await sides.client(service);
    await sees(client, ['leaving']);
    await client.load();
    await sides.server(service, 'joining');
    await sees(client, ['joining', 'leaving']);
    await leaving.kill('SIGTERM');
    await sees(client, ['joining']);
    const { tally, failed } = await client.unload();
    expect(failed).toEqual({});
    expect(Object.keys(tally).toSorted()).toEqual(['joining', 'leaving']);
  });

  it(`${sides.title} forgets one that was killed`, async () => {
    const service = stage.service(peer);
    const [killed] = await Promise.all(['killed', 'left'].map((name) => sides.server(service, name)));
    const client = await sides.client(service);
    await sees(client, ['killed', 'left']);
    const keys = await stage.keys(service);
    await killed!.kill('SIGKILL');
    await sees(client, ['left']);
    await eventually(async () => expect(await stage.keys(service)).toHaveLength(keys.length / 2));
    await sees(client, ['left']);
  });
}

/** Both ways at once, since it is the same etcd that restarts. */
export function restartCase(stage: InteropStage, peer: Peer): void {
  it('both go on through a restart of etcd, and hear afterwards of who joins', async () => {
    const fleets = await Promise.all(
      [NEST_TO_GO, GO_TO_NEST].map(async (sides) => {
        const service = stage.service(peer);
        await sides.server(service, 'before');
        const client = await sides.client(service);
        await sees(client, ['before']);
        await client.load();
        return { sides, service, client };
      }),
    );
    await stage.etcd.restart();
    for (const { sides, service, client } of fleets) {
      await sides.server(service, 'after');
      await sees(client, ['after', 'before']);
      expect((await client.unload()).failed).toEqual({});
    }
  });
}

/** Every framework's rows. */
export function peerCases(stage: InteropStage, peer: Peer): void {
  for (const sides of [NEST_TO_GO, GO_TO_NEST]) sharedCases(stage, peer, sides);
  restartCase(stage, peer);

  it('a client in Go gives no call to a Nest server of a group', async () => {
    const service = stage.service(peer);
    await service.nestServer('canary', { group: 'canary' });
    await service.nestServer('stable');
    const client = await service.goClient();
    await sees(client, ['stable']);
    expect(await client.ask({ n: 40 })).toEqual({ tally: { stable: 40 }, failed: {} });
    // It is there for those who ask for it.
    const ours = await service.nestClient();
    expect(await ours.ask({ n: 5 }, { group: 'canary' })).toEqual({ tally: { canary: 5 }, failed: {} });
  });
}

/** That the framework's program is right by itself, so that what else fails is between the two. */
export function baselineCases(stage: InteropStage, peer: Peer): void {
  it(`${GO_TO_GO.title} calls all of them`, async () => {
    const service = stage.service(peer);
    await Promise.all(['a', 'b'].map((name) => service.goServer(name)));
    await sees(await service.goClient(), ['a', 'b']);
  });
}
