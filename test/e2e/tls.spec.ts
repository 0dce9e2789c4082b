import { credentials, ServerCredentials, status } from '@grpc/grpc-js';
import { getServiceToken, rookeryGrpc, RookeryModule, type AsyncClient, type ClientFeatureOptions } from 'rookery';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { probe, type Probe } from '../apps/contracts.js';
import { startAuthority, type Authority } from '../support/certificates.js';
import { NestStage } from '../support/nest-stage.js';

let authority: Authority;
let stage: NestStage;
beforeAll(async () => void (authority = await startAuthority()));
afterAll(() => authority[Symbol.asyncDispose]());
beforeEach(() => void (stage = new NestStage()));
afterEach(() => stage.close());

/** A server of `probe` whose certificate carries these names. */
async function serve(name: string, ...names: string[]) {
  const { cert, key } = await authority.issue(...names);
  const own = ServerCredentials.createSsl(null, [{ cert_chain: cert, private_key: key }]);
  const metadata = { host: names[0]! };
  const options: Parameters<typeof rookeryGrpc>[0] = {
    service: probe('probe'),
    credentials: own,
    instance: { metadata },
  };
  await stage.listening(options, stage.module({ name }));
}

async function connect(options: Partial<ClientFeatureOptions> = {}) {
  const trusted = credentials.createSsl(authority.ca);
  const app = await stage.client(
    RookeryModule.forFeature([{ service: probe('probe'), credentials: trusted, ...options }]),
  );
  return app.get<AsyncClient<Probe>>(getServiceToken('probe', 'Probe'));
}

describe('a client with credentials of TLS', () => {
  it("asks for the service's name in certificates", async () => {
    await serve('a', 'probe');
    expect(await (await connect()).ask({})).toMatchObject({ name: 'a' });
  });

  it('asks for the name that it is told, or the name of each instance', async () => {
    await serve('a', 'a.internal', 'shared.internal');
    await serve('b', 'b.internal', 'shared.internal');
    for (const serverName of [
      'shared.internal',
      ({ metadata }: { metadata: object }) => (metadata as { host: string }).host,
    ]) {
      const client = await connect({ tls: { serverName } });
      const names = new Set<string>();
      while (names.size < 2) names.add((await client.ask({})).name);
      expect([...names].toSorted()).toEqual(['a', 'b']);
    }
  });

  it('is told where the name is another one, and where one side has no credentials', async () => {
    await serve('a', 'other.internal');
    const errorOf = async (options: Partial<ClientFeatureOptions>) =>
      (await connect(options)).ask({}).catch((error: unknown) => error);
    expect(await errorOf({})).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'ROOKERY_GROUP_MISSING',
      details: expect.stringContaining('Host: probe. is not in the cert'),
    });
    expect(await errorOf({ credentials: credentials.createInsecure() })).toMatchObject({
      details: expect.stringContaining('give the client credentials'),
    });
  });
});
