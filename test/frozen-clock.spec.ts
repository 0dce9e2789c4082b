import {
  credentials,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { channelOptions, createDirectory } from 'rookery/grpc';
import { eventually, fakeTime, manualRegistry } from 'rookery/testing';
import { afterEach, expect, it } from 'vitest';
import { FAULTY } from './support/faults/service.js';

/** The page on testing shows a part of this file. */

const UsersClient = makeGenericClientConstructor(FAULTY, 'Users');
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.forceShutdown();
});

/** A server that answers with its id, or fails where the spec says so. */
async function serve(id: string) {
  const server = new Server();
  const own = { fails: false, address: '' };
  const failure = { code: status.UNAVAILABLE, details: `${id} fails` };
  server.addService(FAULTY, {
    Ask: (_: unknown, done: sendUnaryData<string>) => (own.fails ? done(failure) : done(null, id)),
    Follow: () => {},
  });
  servers.push(server);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  own.address = `127.0.0.1:${port}`;
  return own;
}

it('an instance that fails is set aside for five seconds of a clock that a spec moves', async () => {
  const [a, b] = await Promise.all([serve('a'), serve('b')]);
  // #region clock
  const time = fakeTime();
  const registry = manualRegistry();
  const directory = createDirectory(registry, { time });
  const options = channelOptions(directory, { time, random: () => 0.5 });
  const client = new UsersClient('discovery:///users', credentials.createInsecure(), options);
  // #endregion
  const ask = () =>
    new Promise<string>((resolve) =>
      (client['Ask'] as (request: string, done: sendUnaryData<string>) => void).call(client, 'who', (error, id) =>
        resolve(error ? 'failed' : id!),
      ),
    );
  const askTimes = async (n: number) => {
    const answers: string[] = [];
    for (let i = 0; i < n; i += 1) answers.push(await ask());
    return answers;
  };
  // #region ejection
  client.getChannel().getConnectivityState(true); // it connects before its first call
  registry.set('users', { id: 'a', address: a.address });
  registry.set('users', { id: 'b', address: b.address });
  await eventually(() => {
    time.advance(0); // connections are opened by a timer, too
    expect(directory.explain('users').instances.map(({ pickable }) => pickable)).toEqual([true, true]);
  });

  b.fails = true;
  await askTimes(10); // a and b in turn: b has failed five times in a row
  expect(await askTimes(10)).not.toContain('failed');

  b.fails = false;
  await time.advanceAsync(5000);
  expect(await askTimes(2)).toContain('b');
  // #endregion
  client.close();
  await directory[Symbol.asyncDispose]();
});
