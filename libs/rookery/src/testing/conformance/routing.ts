import assert from 'node:assert/strict';
import type { GroupRoute } from '../../core/route.js';
import { UNGROUPED } from '../../core/instance.js';
import type { Observer } from './observer.js';
import type { Stage, StagedCase } from './stage.js';

const ROUTES: readonly (GroupRoute | undefined)[] = [
  { type: 'split', shares: { stable: 99.5, canary: 0.5, [UNGROUPED]: 0 } },
  { type: 'split', shares: { stable: 50, canary: 50, [UNGROUPED]: 0 } },
  { type: 'prefer', groups: ['canary', UNGROUPED, '*'] },
  { type: 'any' },
  undefined,
  { type: 'prefer', groups: ['stable'] },
];

const WRONG: readonly (readonly [unknown, object])[] = [
  [
    { type: 'split', shares: { stable: 1, canary: -1 } },
    { code: 'ROOKERY_OPTION_INVALID', path: 'route.shares.canary' },
  ],
  [
    { type: 'split', shares: { stable: 0 } },
    { code: 'ROOKERY_OPTION_INVALID', path: 'route.shares' },
  ],
  [
    { type: 'split', shares: { '*': 1 } },
    { code: 'ROOKERY_NAME_INVALID', path: 'route.shares.*' },
  ],
  [{ type: 'none' }, { code: 'ROOKERY_OPTION_INVALID', path: 'route.type' }],
  [null, { code: 'ROOKERY_OPTION_INVALID', path: 'route' }],
];

/** How the route of a service is written and told; nothing where the registry carries no routes. */
export const routingCases: readonly StagedCase[] = [
  {
    name: 'a registry that carries routes takes them, and another one does not',
    run: async ({ registry }) => assert.equal(registry.steer !== undefined, registry.capabilities.routes),
  },
  {
    name: 'a route that is set, changed and taken away is seen by whoever watches',
    run: steered(async (stage, setRoute) => {
      const watcher = await stage.observe();
      for (const route of ROUTES) {
        await setRoute(route);
        await watcher.until(() => assert.deepEqual(plain(watcher.route), plain(route)));
      }
      const heard = watcher.deltas.flatMap((delta) => (delta.type === 'route' ? [plain(delta.route)] : []));
      assert.deepEqual(heard, ROUTES.map(plain));
      assert.deepEqual(watcher.ids, []);
    }),
  },
  {
    name: 'a watch starts with the route that is set, and with none once it is taken away',
    run: steered(async (stage, setRoute) => {
      await stage.registered({ id: 'one' });
      for (const route of ROUTES) {
        await setRoute(route);
        const [reset] = (await stage.observe()).batches[0]!;
        assert.equal(reset?.type, 'reset');
        assert.deepEqual(plain(reset.type === 'reset' && reset.route), plain(route));
        assert.equal(reset.type === 'reset' && reset.instances.length, 1);
      }
    }),
  },
  {
    name: 'routes of services are kept apart, and from their instances',
    run: steered(async (stage, setRoute) => {
      const other = await stage.observe(`${stage.service}-2`);
      await stage.registered({ service: `${stage.service}-2`, id: 'route' });
      const watcher = await stage.observe();
      const registration = await stage.registered({ id: 'route' });
      await setRoute({ type: 'any' });
      await watcher.until(() => assert.deepEqual([watcher.route?.type, watcher.ids], ['any', ['route']]));
      await registration[Symbol.asyncDispose]();
      await watcher.until(() => assert.deepEqual([watcher.route?.type, watcher.ids], ['any', []]));
      assert.deepEqual([other.route, other.ids], [undefined, ['route']]);
    }),
  },
  {
    name: 'a route outlives whoever has set it, and every instance, and ends with nobody',
    run: steered(async (stage, setRoute) => {
      const registration = await stage.registered({ id: 'one' });
      await setRoute({ type: 'prefer', groups: ['canary'] });
      // A registry that nobody else can look into ends with its handle: there it is the last instance that goes.
      await (stage.other === stage.registry ? registration : stage.registry)[Symbol.asyncDispose]();
      const watcher: Observer = await stage.observe();
      assert.deepEqual(plain(watcher.route), { type: 'prefer', groups: ['canary'] });
    }),
  },
  {
    name: 'a route that is not valid is refused, with the place of its fault, and nothing is written',
    run: steered(async (stage, setRoute) => {
      await setRoute({ type: 'any' });
      for (const [route, error] of WRONG) await assert.rejects(setRoute(route as GroupRoute), error);
      await assert.rejects(stage.registry.steer!.setRoute('a/b', { type: 'any' }), { code: 'ROOKERY_NAME_INVALID' });
      assert.equal((await stage.observe()).route?.type, 'any');
    }),
  },
];

type SetRoute = (route: GroupRoute | undefined) => Promise<void>;

function steered(run: (stage: Stage, setRoute: SetRoute) => Promise<void>): StagedCase['run'] {
  return async (stage) => {
    const { steer } = stage.registry;
    if (!steer) return;
    await run(stage, (route) => steer.setRoute(stage.service, route));
    await steer.setRoute(stage.service, undefined).catch(() => undefined);
  };
}

/** As it is written: without the prototypes, and `null` for none. */
function plain(route: unknown): unknown {
  return JSON.parse(JSON.stringify(route || null));
}
