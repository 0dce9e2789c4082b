/** For specs: waiting without sleeping, a clock moved by hand, and the cases that every registry must pass. */
export { eventually, type EventuallyOptions } from './eventually.js';
export { fakeService, type FakeServiceProvider } from './fake-service.js';
export { fakeTime, type FakeTime } from './fake-time.js';
export {
  registryConformance,
  type ConformanceCase,
  type ConformanceFixture,
  type ConformanceOptions,
} from './registry-conformance.js';
export { seededRandom } from './seeded-random.js';
