import { credentials, makeGenericClientConstructor, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../testing/eventually.js';
import { isCallError } from './call-error.js';
import {
  asking,
  closeAll,
  closing,
  failure,
  fleet,
  known,
  startMute,
  startServer,
  tally,
  warm,
  WHO,
} from './discovery.stage.js';
import { withLane } from './lane.js';

afterEach(closeAll);

describe('discovery:///', () => {
  it('splits calls exactly by weight', async () => {
    const { add, dial } = fleet();
    await add('a', { weight: 3 });
    await add('b', { weight: 1 });
    const ask = dial();
    await warm(ask, 2);
    expect(await tally(400, ask)).toEqual({ a: 300, b: 100 });
  });

  it('follows weight, group and removal without a new connection', async () => {
    const { add, dial, directory } = fleet();
    const a = await add('a');
    const b = await add('b');
    const ask = dial();
    await warm(ask, 2);
    const told = (id: string, part: object) =>
      eventually(() => expect(known(directory.view('who')).get(id)).toEqual(expect.objectContaining(part)));
    await a.claim.update({ weight: 300 });
    await told(a.claim.instance.id, { weight: 300 });
    expect(await tally(400, ask)).toEqual({ a: 300, b: 100 });
    await a.claim.update({ weight: 0 });
    await told(a.claim.instance.id, { weight: 0 });
    expect(await tally(20, ask)).toEqual({ b: 20 });
    await a.claim.update({ weight: 100, group: 'canary' });
    await told(a.claim.instance.id, { group: 'canary' });
    expect(await tally(20, ask)).toEqual({ b: 20 });
    expect(await tally(20, () => ask({ group: 'canary' }))).toEqual({ a: 20 });
    await b.claim[Symbol.asyncDispose]();
    await eventually(() => expect(known(directory.view('who')).size).toBe(1));
    expect(await tally(20, () => ask({ group: '*' }))).toEqual({ a: 20 });
    expect([a.server.hellos(), b.server.hellos()]).toEqual([1, 1]);
  });

  it('keeps groups apart, falls back along a list, and names the groups that exist', async () => {
    const { add, dial } = fleet();
    await add('a', { group: 'A' });
    await add('plain');
    const ask = dial();
    await eventually(async () => expect(await ask({ group: 'A' })).toBe('a:hi'));
    expect(await tally(20, ask)).toEqual({ plain: 20 });
    expect(await tally(20, () => ask({ group: ['canary', ''] }))).toEqual({ plain: 20 });
    const error = await failure(ask({ group: 'B' }));
    expect(isCallError(error)).toBe(true);
    expect(error).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'ROOKERY_GROUP_MISSING',
      service: 'who',
      attempts: 0,
    });
    expect(error.details).toContain("no usable instance in group 'B'; present: group 'A' (1), ungrouped (1)");
  });

  it('prefers the group of the lane, and no other call sees it', async () => {
    const { add, dial } = fleet();
    await add('canary', { group: 'canary' });
    await add('plain');
    const ask = dial();
    // A cold channel: the calls are queued and picked in one context, yet each keeps its own lane.
    const answers = await Promise.all([
      withLane('canary', () => ask()),
      ask(),
      withLane('other', () => ask()),
      withLane('canary', () => ask()),
    ]);
    expect(answers.map((answer) => answer.split(':')[0])).toEqual(['canary', 'plain', 'plain', 'canary']);
  });

  it('waits while nothing is known, and fails at once when nothing is there', async () => {
    const { dial, add } = fleet();
    const ask = dial();
    expect(await failure(ask())).toMatchObject({ code: status.UNAVAILABLE, reason: 'ROOKERY_INSTANCE_NONE' });
    const waiting = ask({ waitForReady: true, timeoutMs: 5000 });
    await add('late');
    expect(await waiting).toBe('late:hi');
  });

  it('gives a group that is only connecting a quarter of the time, then moves on', async () => {
    const { registry, entry, add, dial } = fleet();
    await add('plain');
    const { port } = await startMute();
    registry.register(entry({ port, peer: 1, group: 'canary' }));
    const ask = dial();
    expect(await ask()).toBe('plain:hi');
    expect(await ask({ group: ['canary', ''] })).toBe('plain:hi');
  });

  it('never reaches another group or service that took over an address', async () => {
    const { registry, entry, add, dial } = fleet();
    const first = await add('first', { group: 'A' });
    await add('stays', { group: 'A' });
    const ask = () => dialed({ group: 'A' });
    const dialed = dial();
    await warm(ask, 2);
    const { port } = first.server;
    first.server.stop();
    const thief = await startServer('thief', [{ name: 'who', group: 'B', id: 'x', generation: 'x' }], { port });
    // A call that was on its way when the first one died may fail; none may be answered by anybody else.
    expect(Object.keys(await tally(50, ask)).filter((name) => name !== 'CANCELLED' && name !== 'UNAVAILABLE')).toEqual([
      'stays',
    ]);
    expect(await tally(50, ask)).toEqual({ stays: 50 });
    expect(thief.hellos()).toBe(1);
    thief.stop();
    await startServer('other', [{ name: 'orders', group: 'A', id: 'y', generation: 'y' }], { port });
    expect(await tally(50, ask)).toEqual({ stays: 50 });
    registry.register(entry({ port, peer: 1, group: 'B', id: 'x2' }));
    expect(await tally(50, ask)).toEqual({ stays: 50 });
  });

  it('does not ask foreign servers who they are', async () => {
    const { registry, entry, dial } = fleet();
    const { port } = await startServer('foreign');
    registry.register(entry({ port }));
    expect(await dial()()).toBe('foreign:hi');
  });

  it('says how the default deadline is changed', async () => {
    const { registry, entry, dial } = fleet();
    const { port } = await startServer('foreign');
    registry.register(entry({ port, group: 'other' }));
    const error = await failure(dial({ timeoutMs: 50, waitForReady: true })());
    expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED, reason: 'ROOKERY_CALL_TIMEOUT' });
    expect(error.message).toContain('the default of 50 ms: set timeoutMs');
  });

  it('says what is missing where a channel has no directory', async () => {
    const Client = makeGenericClientConstructor(WHO, 'Who');
    fleet().dial();
    const client = new Client('discovery:///who', credentials.createInsecure(), {
      'grpc.service_config_disable_resolution': 1,
    });
    closing(() => client.close());
    const error = await failure(asking(client)());
    expect(error.details).toContain('channelOptions(directory)');
  });
});
