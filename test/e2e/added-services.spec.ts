import type { EventEmitter } from 'node:events';
import {
  loadPackageDefinition,
  status,
  type GrpcObject,
  type Server,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { HealthImplementation } from 'grpc-health-check';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe } from '../apps/contracts.js';
import { watchHealth } from '../support/health-client.js';
import { answered, streamed, STREAMS, StreamsStage } from '../support/streams-stage.js';

let stage: StreamsStage;
beforeEach(() => void (stage = new StreamsStage()));
afterEach(() => stage.close());

type Answer = (error: unknown, answer: object) => void;
type Call = EventEmitter & { readonly request: { readonly text: string } };

/** A service beside Nest: methods that use their object, of calls that the spec ends. */
class Added {
  readonly ends = new Set<string>();

  Ask(call: Call, answer: Answer): void {
    if (call.request.text === 'wait') call.on('cancelled', () => this.ends.add('Ask'));
    else answer(null, { text: 'here' });
  }

  List(call: Call): void {
    call.on('cancelled', () => this.ends.add('List'));
  }
}

async function start(stop: { drainMs: number; streamMs: number }) {
  const added = new Added();
  const health = new HealthImplementation({ '': 'SERVING' });
  const found = loadPackageDefinition(loadSync(STREAMS.protoPath))['streams'] as GrpcObject;
  const { service } = found['Streams'] as ServiceClientConstructor;
  const onLoadPackageDefinition = (_: unknown, server: Server) => {
    server.addService(service, added as never);
    health.addToServer(server);
  };
  const options = { service: probe('probe'), url: '127.0.0.1:0', stop, onLoadPackageDefinition };
  const { app, port } = await stage.listening(options, stage.module());
  return { app, added, url: `127.0.0.1:${port}` };
}

describe('a service that the user adds to the server', () => {
  it('is served while clients hear of a stop', async () => {
    const { app, url } = await start({ drainMs: 5000, streamMs: 5000 });
    const ask = () => answered((done) => stage.raw(url).Ask({}, done));
    expect(await ask()).toMatchObject({ messages: [{ text: 'here' }] });
    const closed = app.close();
    await eventually(() => expect(stage.log).toContain('probe released'));
    expect(await ask()).toMatchObject({ messages: [{ text: 'here' }] });
    await closed;
  });

  it('has its calls ended by a stop as those of handlers are', async () => {
    const { app, added, url } = await start({ drainMs: 100, streamMs: 50 });
    const client = stage.raw(url);
    const calls = [answered((done) => client.Ask({ text: 'wait' }, done)), streamed(client.List({}))];
    await answered((done) => client.Ask({}, done));
    await app.close();
    const ended = { code: status.UNAVAILABLE, details: 'the server stops' };
    expect(await Promise.all(calls)).toEqual([ended, { ...ended, messages: [] }]);
    expect(added.ends).toEqual(new Set(['Ask', 'List']));
  });

  it('holds up no stop where it is health', async () => {
    const { app, url } = await start({ drainMs: 60_000, streamMs: 60_000 });
    const watch = await watchHealth(url, '');
    await app.close();
    expect(await watch.end).toBe(status.OK);
  });
});
