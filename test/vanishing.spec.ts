import {
  credentials,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { channelOptions, createDirectory } from 'rookery/grpc';
import { eventually, manualRegistry, startTcpProxy, type TcpProxy } from 'rookery/testing';
import { afterEach, expect, it } from 'vitest';
import { FAULTY } from './support/faults/service.js';

/** The page on testing shows parts of this file. */

const UsersClient = makeGenericClientConstructor(FAULTY, 'Users');
const servers: Server[] = [];
const networks: TcpProxy[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) server.forceShutdown();
  await Promise.all(networks.splice(0).map((network) => network.stop()));
});

/** A server behind a network of its own, whose calls are answered when the spec says so. */
async function serve(id: string) {
  const server = new Server();
  const running: (() => void)[] = [];
  server.addService(FAULTY, {
    Ask: (_: unknown, done: sendUnaryData<string>) => void running.push(() => done(null, id)),
    Follow: () => {},
  });
  servers.push(server);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const network = await startTcpProxy(`127.0.0.1:${port}`);
  networks.push(network);
  return { running, network, address: network.host };
}

async function start() {
  const [a, b] = await Promise.all([serve('a'), serve('b')]);
  const registry = manualRegistry();
  registry.set('users', { id: 'b', address: b.address });
  const directory = createDirectory(registry);
  const client = new UsersClient('discovery:///users', credentials.createInsecure(), channelOptions(directory));
  const ask = () =>
    new Promise<string>((resolve, reject) =>
      (client['Ask'] as (request: string, done: sendUnaryData<string>) => void).call(client, 'who', (error, id) =>
        error ? reject(error) : resolve(id!),
      ),
    );
  const end = async () => {
    client.close();
    await directory[Symbol.asyncDispose]();
  };
  return { a, b, registry, ask, [Symbol.asyncDispose]: end };
}

it('an instance that leaves the registry while a call is in flight: the call completes, the next one goes elsewhere', async () => {
  await using stage = await start();
  const { a, b, registry, ask } = stage;
  // #region leaves
  const call = ask();
  await eventually(() => expect(b.running).toHaveLength(1)); // the handler of b has begun
  registry.set('users', { id: 'a', address: a.address });
  registry.leave('users', 'b');
  // #endregion
  b.running.shift()!();
  expect(await call).toBe('b');
  const next = ask();
  await eventually(() => expect(a.running).toHaveLength(1));
  a.running.shift()!();
  expect(await next).toBe('a');
});

it('an instance that vanishes while a call is in flight: the call fails, the next one goes elsewhere', async () => {
  await using stage = await start();
  const { a, b, registry, ask } = stage;
  const call = ask();
  await eventually(() => expect(b.running).toHaveLength(1));
  registry.set('users', { id: 'a', address: a.address });
  // #region vanishes
  registry.lose('users', 'b');
  b.network.cut();
  await expect(call).rejects.toMatchObject({ code: status.UNAVAILABLE });
  // #endregion
  const next = ask();
  await eventually(() => expect(a.running).toHaveLength(1));
  a.running.shift()!();
  expect(await next).toBe('a');
});

it('an instance that the registry alone loses while a call is in flight: the call completes', async () => {
  await using stage = await start();
  const { b, registry, ask } = stage;
  const call = ask();
  await eventually(() => expect(b.running).toHaveLength(1));
  registry.lose('users', 'b');
  b.running.shift()!();
  expect(await call).toBe('b');
});
