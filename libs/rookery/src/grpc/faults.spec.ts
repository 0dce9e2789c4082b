import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { scriptedDirectory } from '../core/directory.stage.js';
import type { RookeryEvent } from '../core/event.js';
import { memory } from '../registries/memory.js';
import { eventually } from '../testing/eventually.js';
import { fakeTime } from '../testing/fake-time.js';
import {
  closeAll,
  failure,
  fleet,
  freePort,
  startMute,
  startServer,
  tally,
  type ServerSettings,
} from './discovery.stage.js';

afterEach(closeAll);

const PLAIN = new Set(['connecting', 'idle']);

/** What became of endpoints, but that they were dialled and dropped: `ready i1`. */
function endpointLog() {
  const log: string[] = [];
  const emit = (event: RookeryEvent) => {
    if (event.type === 'endpoint.changed' && !PLAIN.has(event.state)) log.push(`${event.state} ${event.id}`);
  };
  return { log, emit };
}

describe('a peer whose answer to Hello', () => {
  it.each<[string, ServerSettings]>([
    ['is no protobuf', { helloBytes: Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0xff]) }],
    ['ends in the middle', { helloBytes: Buffer.from([0x12, 0x20, 0x0a]) }],
  ])('%s is an impostor, and the others serve', async (_, settings) => {
    const { add, dial } = fleet();
    const { log, emit } = endpointLog();
    const { server, claim } = await add('garbage', {}, settings);
    await add('good');
    const ask = dial({ emit });
    expect(await ask()).toBe('good:hi');
    await eventually(() => expect(log).toContain(`impostor ${claim.instance.id}`));
    expect(await tally(20, ask)).toEqual({ good: 20 });
    expect([server.hellos(), server.calls()]).toEqual([1, 0]);
  });

  it('is not what its entry says is an impostor until the entry is right again', async () => {
    const { registry, add, dial } = fleet();
    const { log, emit } = endpointLog();
    const { claim } = await add('one');
    const ask = dial({ emit });
    expect(await ask()).toBe('one:hi');
    const { instance } = claim;
    registry.register({ ...instance, generation: 'of-an-earlier-process' });
    await eventually(() => expect(log).toContain(`impostor ${instance.id}`));
    registry.register(instance);
    await eventually(async () => expect(await ask()).toBe('one:hi'));
  });

  it('says that it drains gets no call, also none that waited for it', async () => {
    const { add, dial } = fleet();
    const { log, emit } = endpointLog();
    const { server, claim } = await add('drains', {}, { draining: true });
    const ask = dial({ emit });
    const waiting = ask({ waitForReady: true });
    await eventually(() => expect(log).toContain(`ready ${claim.instance.id}`));
    expect(await failure(ask())).toMatchObject({ reason: 'ROOKERY_GROUP_MISSING' });
    await add('stays');
    expect(await waiting).toBe('stays:hi');
    expect(await tally(20, ask)).toEqual({ stays: 20 });
    expect(server.calls()).toBe(0);
  });
});

describe('a call that waits for readiness', () => {
  const patient = () => new Metadata({ waitForReady: true });

  it('and says so in its metadata is picked when its group comes, while others are ready', async () => {
    const { add, dial } = fleet();
    await add('plain');
    const ask = dial();
    expect(await ask()).toBe('plain:hi');
    const waiting = ask({ group: 'canary' }, patient());
    // Calls are picked in their order: once this one has its answer, the other one waits.
    expect(await ask()).toBe('plain:hi');
    await add('canary', { group: 'canary' });
    expect(await waiting).toBe('canary:hi');
  });

  it('does not, where its options say otherwise than its metadata', async () => {
    const { add, dial } = fleet();
    await add('plain');
    const ask = dial({ waitForReady: true });
    expect(await ask()).toBe('plain:hi');
    const refused = await failure(ask({ group: 'canary', waitForReady: false }, patient()));
    expect(refused).toMatchObject({ code: status.UNAVAILABLE, reason: 'ROOKERY_GROUP_MISSING' });
    const refusing = new Metadata({ waitForReady: false });
    expect(await failure(ask({ group: 'canary' }, refusing))).toMatchObject({ reason: 'ROOKERY_GROUP_MISSING' });
  });

  it('fails at once, and names no address, where the view has failed for good', async () => {
    const directory = scriptedDirectory(memory());
    const ask = fleet(directory).dial();
    const waiting = failure(ask({ waitForReady: true }));
    directory.fail('who', new Error('no permission at etcd.internal:2379'));
    for (const error of [await waiting, await failure(ask({ waitForReady: true })), await failure(ask())]) {
      expect(error).toMatchObject({
        code: status.UNAVAILABLE,
        reason: 'ROOKERY_VIEW_FAILED',
        details: 'no permission at <address>',
      });
    }
  });
});

describe('an address', () => {
  it('that comes back is dialled at once, also where its pooled connection would still pause', async () => {
    const { registry, entry, dial } = fleet();
    const { log, emit } = endpointLog();
    const port = await freePort();
    const gone = registry.register(entry({ port, id: 'gone' }));
    const backoff = { 'grpc.initial_reconnect_backoff_ms': 3_600_000, 'grpc.max_reconnect_backoff_ms': 3_600_000 };
    const ask = dial({ emit, channelOptions: backoff });
    expect(await failure(ask())).toMatchObject({ reason: 'ROOKERY_GROUP_MISSING' });
    await gone[Symbol.asyncDispose]();
    await eventually(async () => expect(await failure(ask())).toMatchObject({ reason: 'ROOKERY_INSTANCE_NONE' }));
    await startServer('back', undefined, { port });
    registry.register(entry({ port, id: 'back' }));
    expect(await ask({ waitForReady: true })).toBe('back:hi');
    expect(log).toEqual(['failed gone', 'ready back']);
  });

  it('that another instance takes over is dialled at once, though the connection would still pause', async () => {
    const { registry, entry, dial } = fleet();
    const { log, emit } = endpointLog();
    const port = await freePort();
    registry.register(entry({ port, id: 'gone' }));
    const backoff = { 'grpc.initial_reconnect_backoff_ms': 3_600_000, 'grpc.max_reconnect_backoff_ms': 3_600_000 };
    const ask = dial({ emit, channelOptions: backoff });
    expect(await failure(ask())).toMatchObject({ reason: 'ROOKERY_GROUP_MISSING' });
    await startServer('next', undefined, { port });
    registry.register(entry({ port, id: 'next' }));
    expect(await ask({ waitForReady: true })).toBe('next:hi');
    expect(log).toEqual(['failed gone', 'ready next']);
  });

  it('that accepts the connection and says nothing has failed after 2 s, and its calls with it', async () => {
    const { registry, entry, dial } = fleet();
    const { log, emit } = endpointLog();
    const time = fakeTime();
    const { port, connections } = await startMute();
    registry.register(entry({ port, peer: 1, id: 'mute', group: 'canary' }));
    const ask = dial({ emit, time });
    const waiting = failure(ask({ group: 'canary' }));
    await eventually(() => {
      time.advance(0);
      expect(connections()).toBe(1);
    });
    time.advance(1999);
    expect(log).toEqual([]);
    time.advance(1);
    expect(log).toEqual(['failed mute']);
    expect(await waiting).toMatchObject({ code: status.UNAVAILABLE, reason: 'ROOKERY_GROUP_MISSING' });
    expect((await waiting).details).toContain('no connection in 2000 ms');
    expect(await failure(ask({ group: 'canary' }))).toMatchObject({ reason: 'ROOKERY_GROUP_MISSING' });
  });

  it('that is connected in time is not counted as failed later', async () => {
    const { add, dial } = fleet();
    const { log, emit } = endpointLog();
    const time = fakeTime();
    const { claim } = await add('good');
    const ask = dial({ emit, time });
    const waiting = ask();
    await eventually(() => {
      time.advance(0);
      expect(log.at(-1)).toBe(`ready ${claim.instance.id}`);
    });
    time.advance(60_000);
    expect(await waiting).toBe('good:hi');
    expect(await ask()).toBe('good:hi');
    // What looks after running calls, and at what came of them, sees that there are none.
    time.advance(10_000);
    expect([log.filter((line) => line.startsWith('failed')), time.timers]).toEqual([[], 0]);
  });
});

describe('an option of a call that is neither true nor false', () => {
  it.each([{ idempotent: 'yes' }, { waitForReady: 'x' }, { waitForReady: null }])('%o', async (options) => {
    const { add, dial } = fleet();
    await add('good');
    const ask = dial();
    const error = await failure(ask(options as never));
    const [[option, value]] = Object.entries(options) as [[string, unknown]];
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'ROOKERY_OPTION_INVALID', service: 'who' });
    expect(error.details).toContain(`options.${option}: found ${JSON.stringify(value)}. Use true or false.`);
    expect(await ask({ idempotent: true, waitForReady: false })).toBe('good:hi');
  });
});

describe('the name of a target', () => {
  it('that is none is what the calls fail for', async () => {
    const error = await failure(fleet().dial({}, 'discovery:///a/b')());
    expect(error).toMatchObject({ code: status.UNAVAILABLE });
    expect(error.details).toMatch(/^ROOKERY_NAME_INVALID at discovery:\/\/\/a\/b: found "a\/b"/);
  });
});

describe('the error of a server stream', () => {
  it.each([
    ['names the call, where the server refuses', 'refused', {}, { code: status.FAILED_PRECONDITION }],
    [
      'says why, where the time is up',
      'hang',
      { timeoutMs: 300 },
      { code: status.DEADLINE_EXCEEDED, reason: 'ROOKERY_CALL_TIMEOUT' },
    ],
  ])('%s', async (_, request, options, expected) => {
    const { add, dial, follow } = fleet();
    const { claim } = await add('streams');
    expect(await dial()()).toBe('streams:hi');
    const stream = follow(request, options);
    const messages: string[] = [];
    stream.on('data', (message: string) => messages.push(message));
    const error = await failure(new Promise((resolve, reject) => stream.on('error', reject).on('end', resolve)));
    expect(error).toMatchObject({ ...expected, service: 'who', instance: claim.instance.id, attempts: 1 });
    expect(error.reason).toBe((expected as { reason?: string }).reason);
    expect(messages).toEqual(['streams']);
  });
});
