import { changingCases } from './conformance/changing.js';
import { registeringCases } from './conformance/registering.js';
import { releasingCases } from './conformance/releasing.js';
import { routingCases } from './conformance/routing.js';
import { Stage, type ConformanceFixture } from './conformance/stage.js';
import { watchingCases } from './conformance/watching.js';

export type { ConformanceFixture } from './conformance/stage.js';

/** One thing that every registry does; `run` rejects where it does not. */
export interface ConformanceCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

export interface ConformanceOptions {
  /** The registry takes no registrations: only the cases that need none, default false. */
  readonly readOnly?: boolean;
  /** Watchers see nobody who has a group or drains: only the cases that show neither, default false. */
  readonly upAndUngrouped?: boolean;
}

/**
 * The cases that every registry must pass, for any test framework:
 * `for (const { name, run } of registryConformance(make)) it(name, run);`
 * @param make a fresh fixture, for each case
 */
export function registryConformance(
  make: () => Promise<ConformanceFixture>,
  { readOnly = false, upAndUngrouped = false }: ConformanceOptions = {},
): readonly ConformanceCase[] {
  const cases = [...watchingCases, ...registeringCases, ...changingCases, ...releasingCases, ...routingCases];
  return cases
    .filter((staged) => (!readOnly || staged.readOnly) && !(upAndUngrouped && staged.showsAll))
    .map(({ name, run }) => ({
      name,
      run: async () => {
        const stage = new Stage(await make());
        try {
          await run(stage);
        } finally {
          await stage.end();
        }
      },
    }));
}
