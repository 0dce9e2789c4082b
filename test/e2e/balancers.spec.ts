import { status, type ServiceError } from '@grpc/grpc-js';
import {
  consistentHash,
  getClientToken,
  getServiceToken,
  RookeryModule,
  type BalancerName,
  type Candidate,
  type ClientFeatureOptions,
  type Picker,
  type PickerFactory,
  type RookeryCallError,
  type RookeryClient,
} from 'rookery';
import { eventually } from 'rookery/testing';
import { firstValueFrom, of, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe } from '../apps/contracts.js';
import { refused } from '../support/refusal-stage.js';
import { streams, StreamsStage } from '../support/streams-stage.js';

let stage: StreamsStage;
beforeEach(() => void (stage = new StreamsStage()));
afterEach(() => stage.close());

// #region primary
/** The first by address takes every call; the others stand by. */
const primary: PickerFactory = <C extends Candidate>(): Picker<C> => {
  const all: C[] = [];
  return {
    add(candidate) {
      all.push(candidate);
      all.sort((a, b) => (a.key < b.key ? -1 : 1));
    },
    remove: (candidate) => void all.splice(all.indexOf(candidate), 1),
    reweigh: () => {},
    pick: ({ skip }) => all.find((candidate) => !skip?.(candidate)),
  };
};
// #endregion

const NAMES = ['a', 'b', 'c'];

/** Three servers of the service `probe`, and who answers which calls of a client. */
async function fleet(
  feature: Partial<ClientFeatureOptions> = {},
  root: { balancer?: BalancerName | PickerFactory } = {},
) {
  const servers = [];
  for (const name of NAMES) servers.push(await stage.listening({ service: probe('probe') }, stage.module({ name })));
  const imports = [RookeryModule.forFeature([{ service: probe('probe'), ...feature }])];
  const app = await stage.context(stage.module({ imports, controllers: [], root }));
  const service = app.get(getServiceToken('probe', 'Probe'));
  const names = async (count: number, options: object) => {
    const answers = [];
    for (let i = 0; i < count; i += 1) answers.push(((await service.ask({}, options)) as { name: string }).name);
    return answers;
  };
  const client = app.get<RookeryClient>(getClientToken('probe'));
  await client.waitForReady();
  return { names, client, servers };
}

describe('a client chooses its picker', () => {
  it.each<[string, Partial<ClientFeatureOptions>, { balancer?: BalancerName }]>([
    ['weighted', {}, {}],
    ['weighted, by name, whatever the module says', { balancer: 'weighted' }, { balancer: 'consistent-hash' }],
    ['p2c', { balancer: 'p2c' }, {}],
    ['least-request', { balancer: 'least-request' }, {}],
    ['p2c, of the module', {}, { balancer: 'p2c' }],
  ])('%s', async (_, feature, root) => {
    const { names } = await fleet(feature, root);
    await eventually(async () => expect(new Set(await names(12, {}))).toEqual(new Set(NAMES)));
  });

  it('of its own, in a few lines', async () => {
    const { names, servers } = await fleet({ balancer: primary });
    const first = servers
      .map(({ port }, i) => ({ address: `127.0.0.1:${port}`, name: NAMES[i] }))
      .toSorted((a, b) => (a.address < b.address ? -1 : 1))[0]!;
    await eventually(async () => expect(new Set(await names(10, {}))).toEqual(new Set([first.name])));
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no idea');
      },
    ],
    ['chooses what it was not given', () => ({})],
  ])('whose pick %s: its calls fail and say so, and the process lives', async (_, pick) => {
    const broken = (() => ({ add() {}, remove() {}, reweigh() {}, pick })) as unknown as PickerFactory;
    const { names } = await fleet({ balancer: broken });
    for (const waitForReady of [false, true]) {
      const error = await names(1, { waitForReady }).catch((caught: RookeryCallError) => caught);
      expect(error).toMatchObject({ code: status.INTERNAL, reason: 'ROOKERY_PICKER_FAILED', service: 'probe' });
      expect((error as Error).message).toContain('the picker of the client failed');
    }
  });

  it('and is refused where there is none of that name', async () => {
    const code = 'ROOKERY_OPTION_INVALID';
    const remedy = "Did you mean 'least-request'?";
    const balancer = 'least_request' as never;
    await refused(() => stage.feature({ service: probe('probe'), balancer }), {
      code,
      path: 'forFeature("probe").balancer',
      remedy,
    });
    await refused(() => stage.root({ registry: 'memory:', balancer }), { code, path: 'forRoot.balancer', remedy });
  });
});

describe('a client that picks by key', () => {
  it('sends the calls of a key to one instance, by option or by header', async () => {
    const { names, client } = await fleet({ balancer: consistentHash({ header: 'x-user-id' }) });
    const ownerOf = async (user: number) => {
      const owners = await names(5, { hashKey: `user-${user}` });
      owners.push(...(await names(5, { metadata: { 'x-user-id': `user-${user}` } })));
      const probes = client.getService<Record<'ask', (...args: object[]) => Observable<{ name: string }>>>('Probe');
      const { name } = await firstValueFrom(probes.ask({}, { hashKey: `user-${user}` }));
      return new Set([...owners, name]);
    };
    await eventually(async () => {
      const owners = await Promise.all(Array.from({ length: 30 }, (_, user) => ownerOf(user)));
      expect(owners.every(({ size }) => size === 1)).toBe(true);
      expect(new Set(owners.flatMap((each) => [...each])).size).toBe(NAMES.length);
    });
    // The option goes first.
    const [byKey] = await names(1, { hashKey: 'user-1' });
    expect(await names(3, { hashKey: 'user-1', metadata: { 'x-user-id': 'user-2' } })).toEqual([byKey, byKey, byKey]);
  });
});

describe('a call that is refused before it is sent', () => {
  /** Every kind of call, by every kind of client; each resolves with its error. */
  async function failures(feature: Partial<ClientFeatureOptions>, options: object): Promise<Record<string, unknown>> {
    stage.handlers.echo = () => of({});
    await stage.start('rookery');
    const app = await stage.feature({ service: streams, ...feature });
    const client = app.get<RookeryClient>(getClientToken('streams'));
    await client.waitForReady();
    const service = app.get(getServiceToken('streams', 'Streams'));
    const rx = client.getService<any>('Streams');
    const raw = client.getClientByServiceName<any>('Streams');
    const endless = async function* () {
      for (;;) yield { text: 'a' };
    };
    const all = async (messages: AsyncIterable<unknown>) => {
      for await (const _ of messages);
    };
    const plain = (start: (done: (error: ServiceError | null) => void) => unknown) =>
      new Promise<void>((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
    const streamed = (method: string, request?: object) =>
      plain((done) => {
        const call = request ? raw[method](request, options) : raw[method](options);
        call.on('error', done);
        call.on('data', () => {});
        if (!request) call.write({ text: 'a' }, () => call.end());
      });
    const calls: Record<string, () => Promise<unknown>> = {
      'unary, AsyncClient': () => service.ask({}, options),
      'server stream, AsyncClient': () => all(service.list({}, options)),
      'client stream, AsyncClient': () => service.sum(endless(), options),
      'bidi, AsyncClient': () => all(service.echo(endless(), options)),
      'unary, Observable': () => firstValueFrom(rx.ask({}, options)),
      'server stream, Observable': () => firstValueFrom(rx.list({}, options)),
      'client stream, Observable': () => firstValueFrom(rx.sum(of({}), undefined, options)),
      'bidi, Observable': () => firstValueFrom(rx.echo(of({}), undefined, options)),
      'unary, grpc-js': () => plain((done) => raw.Ask({}, options, done)),
      'server stream, grpc-js': () => streamed('List', {}),
      'client stream, grpc-js': () =>
        plain((done) => {
          const call = raw.Sum(options, done);
          call.write({ text: 'a' }, () => call.end());
        }),
      'bidi, grpc-js': () => streamed('Echo'),
    };
    const errors = await Promise.all(
      Object.entries(calls).map(async ([kind, call]) => {
        const error = await call().then(
          () => 'it did not fail',
          (caught: RookeryCallError) => caught,
        );
        return [kind, error];
      }),
    );
    expect(errors).toHaveLength(12);
    return Object.fromEntries(errors);
  }

  it.each([
    ['hashKey', 'consistent-hash', 'Set `hashKey` for the call.'],
    ['header', consistentHash({ header: 'x-user-id' }), 'Set the header "x-user-id" or `hashKey` for the call.'],
  ] as const)('for want of a key, fails as calls fail: %s', async (_, balancer, remedy) => {
    for (const [kind, error] of Object.entries(await failures({ balancer }, {}))) {
      expect(error, kind).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'ROOKERY_HASH_KEY_MISSING',
        service: 'streams',
        attempts: 0,
        details: `streams: the call has no key, and its client picks by one. ${remedy}`,
      });
    }
  });

  it.each([
    [{ group: 7 }, 'ROOKERY_NAME_INVALID', '.group: found 7.'],
    [{ group: 'a b' }, 'ROOKERY_NAME_INVALID', '.group: found "a b".'],
    [{ group: [] }, 'ROOKERY_OPTION_INVALID', '.group: found an empty list.'],
    [{ group: ['a', null] }, 'ROOKERY_NAME_INVALID', '.group[1]: found null.'],
    [{ hashKey: 7 }, 'ROOKERY_OPTION_INVALID', '.hashKey: found 7. Use a text, such as String(id).'],
  ])('for an option that is none, fails as calls fail: %o', async (options, reason, text) => {
    for (const [kind, error] of Object.entries(await failures({}, options))) {
      expect(error, kind).toMatchObject({ code: status.INVALID_ARGUMENT, reason, service: 'streams' });
      expect((error as Error).message, kind).toContain(text);
    }
  });

  it('ends once where its caller cancels it at once', async () => {
    await stage.start('rookery');
    const app = await stage.feature({ service: streams, balancer: 'consistent-hash' });
    const service = app.get(getServiceToken('streams', 'Streams'));
    const leaving = new AbortController();
    const asked = service.ask({}, { signal: leaving.signal });
    leaving.abort(new Error('enough'));
    await expect(asked).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    const raw = app.get<RookeryClient>(getClientToken('streams')).getClientByServiceName<any>('Streams');
    const codes: number[] = [];
    const call = raw.Ask({}, ({ code }: ServiceError) => codes.push(code));
    call.cancel();
    expect(call.getPeer()).toBe('discovery:///streams');
    await eventually(() => expect(codes).toEqual([status.CANCELLED]));
  });
});
