import { getServiceToken, Rookery, RookeryModule, type AsyncClient, type RookeryModuleOptions } from 'rookery';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { probe, type Probe } from '../apps/contracts.js';
import { refused } from '../support/refusal-stage.js';
import { NestStage } from '../support/nest-stage.js';

let stage: NestStage;
beforeEach(() => void (stage = new NestStage()));
afterEach(async () => {
  vi.unstubAllEnvs();
  await stage.close();
});

const SERVICE = probe('probe');
const NAMES = ['a1', 'a2', 'b1', 'b2'];

const serveAll = () =>
  Promise.all(
    NAMES.map((name) => stage.listening({ service: SERVICE, instance: { zone: name[0]! } }, stage.module({ name }))),
  );

/** An application with one client that prefers what `root` says, and one that prefers nothing. */
async function clients(root: RookeryModuleOptions = {}) {
  const features = [{ service: SERVICE }, { service: SERVICE, name: 'everywhere', zone: false as const }];
  const app = await stage.context(
    stage.module({ root, imports: [RookeryModule.forFeature(features)], controllers: [] }),
  );
  const client = (name: string) => app.get<AsyncClient<Probe>>(getServiceToken(name, 'Probe'));
  return { zoned: client('probe'), everywhere: client('everywhere') };
}

async function tally(client: AsyncClient<Probe>, count = 40): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < count; i += 1) {
    const { name } = await client.ask({});
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const takenBy = (client: AsyncClient<Probe>, names: readonly string[]) =>
  eventually(async () => expect(Object.keys(await tally(client, 16)).sort()).toEqual(names));

describe('an application in zone a', () => {
  it.each([
    ['by option', { zone: 'a' }, undefined],
    ['by the environment', {}, 'a'],
    ['by option, against the environment', { zone: 'a' }, 'b'],
  ])('%s, calls zone a, but for a client that has no preference', async (_, root, environment) => {
    await serveAll();
    vi.stubEnv('ROOKERY_ZONE', environment);
    const { zoned, everywhere } = await clients(root);
    await takenBy(zoned, ['a1', 'a2']);
    expect(await tally(zoned)).toEqual({ a1: 20, a2: 20 });
    await takenBy(everywhere, NAMES);
    expect(await tally(everywhere)).toEqual({ a1: 10, a2: 10, b1: 10, b2: 10 });
  });

  it('calls everybody once zone a has one instance left', async () => {
    const [a1] = await serveAll();
    const { zoned } = await clients({ zone: 'a' });
    await takenBy(zoned, ['a1', 'a2']);
    await a1!.app.close();
    await takenBy(zoned, ['a2', 'b1', 'b2']);
    expect(await tally(zoned, 60)).toEqual({ a2: 20, b1: 20, b2: 20 });
  });

  it('registers its own instances there, unless their server says otherwise', async () => {
    const root = { zone: 'a' };
    await stage.listening({ service: SERVICE }, stage.module({ root }));
    await stage.listening({ service: SERVICE, instance: { zone: 'b' } }, stage.module({ root }));
    const instances = stage.apps.flatMap((app) => app.get(Rookery).registrations.map(({ instance }) => instance));
    expect(instances.map(({ zone }) => zone)).toEqual(['a', 'b']);
  });
});

it('a zone or a subset that is none is refused', async () => {
  const code = 'ROOKERY_OPTION_INVALID';
  await refused(() => stage.context(stage.module({ root: { zone: '' } })), {
    code,
    path: 'forRoot.zone',
    remedy: 'Use a text',
  });
  const feature = (settings: object) => () =>
    stage.client(RookeryModule.forFeature([{ service: SERVICE, ...settings }]));
  await refused(feature({ zone: true }), { code, path: 'forFeature("probe").zone', remedy: 'Use a text' });
  await refused(feature({ subset: -1 }), { code, path: 'forFeature("probe").subset', remedy: 'Use a whole number' });
});
