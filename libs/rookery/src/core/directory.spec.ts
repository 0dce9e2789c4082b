import { beforeEach, describe, expect, it } from 'vitest';
import { fakeTime, type FakeTime } from '../testing/fake-time.js';
import type { ServiceChange, ServiceDelta } from './change.js';
import { createDirectory, type Directory } from './directory.js';
import { RookeryError, type RookeryErrorCode } from './errors.js';
import { EventHub, type RookeryEvent } from './event.js';
import { createInstance } from './instance.js';
import type { Registry } from './registry.js';

/** One watch that the directory started: the spec answers for the registry. */
class ScriptedWatch {
  readonly #answers: (readonly ServiceChange[] | Error | 'end')[] = [];
  #wake = () => {};

  constructor(
    readonly service: string,
    readonly signal: AbortSignal,
  ) {}

  answer(...changes: ServiceChange[]): void {
    this.#put(changes);
  }

  fail(error = new Error('connection lost')): void {
    this.#put(error);
  }

  end(): void {
    this.#put('end');
  }

  async *batches(): AsyncGenerator<readonly ServiceChange[]> {
    while (!this.signal.aborted) {
      const answer = this.#answers.shift();
      if (answer === 'end') return;
      if (answer instanceof Error) throw answer;
      if (answer) yield answer;
      else await this.#answered();
    }
  }

  async #answered(): Promise<void> {
    const wake = () => this.#wake();
    this.signal.addEventListener('abort', wake);
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.signal.removeEventListener('abort', wake);
  }

  #put(answer: readonly ServiceChange[] | Error | 'end'): void {
    this.#answers.push(answer);
    this.#wake();
  }
}

let time: FakeTime;
let watches: ScriptedWatch[];
let events: RookeryEvent[];
let directory: Directory;

beforeEach(() => {
  time = fakeTime();
  watches = [];
  events = [];
  const registry: Registry = {
    name: 'scripted:',
    capabilities: {
      register: false,
      steer: false,
      routes: false,
      push: true,
      lease: false,
      weights: true,
      groups: true,
      propagationMs: 0,
      reach: 'process',
    },
    events: new EventHub(),
    register: () => expect.fail('nobody registers here'),
    watch: (service, signal) => {
      const watch = new ScriptedWatch(service, signal);
      watches.push(watch);
      return watch.batches();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  directory = createDirectory(registry, { time, random: () => 1, emit: (event) => events.push(event) });
});

const instance = (id: string) => createInstance({ id, service: 's', address: `${id}:1` });
const reset = (...ids: string[]): ServiceChange => ({ type: 'reset', instances: ids.map(instance) });
const fault = (code: RookeryErrorCode) => new RookeryError(code, { found: 'found x.', remedy: 'Do y.' });
const settle = () => time.advanceAsync(0);

function known() {
  const view = directory.view('s');
  return view.status === 'known' ? view : expect.fail(`the view is ${view.status}`);
}

describe('a view', () => {
  it('is pending until the registry answers, then known, and may be known and empty', async () => {
    expect(directory.view('s')).toEqual({ status: 'pending' });
    directory.subscribe('s', () => {});
    await settle();
    expect(directory.view('s')).toEqual({ status: 'pending' });
    watches[0]!.answer({ type: 'reset', instances: [], route: { type: 'any' } });
    await settle();
    expect(known()).toMatchObject({ route: { type: 'any' }, revision: 1 });
    expect(known().instances.size).toBe(0);
    expect(known().staleSince).toBeUndefined();
  });

  it('follows the changes, and tells the effective ones', async () => {
    const heard: (readonly ServiceDelta[])[] = [];
    directory.subscribe('s', (deltas) => heard.push(deltas));
    watches[0]!.answer(reset('a'));
    watches[0]!.answer({ type: 'set', instance: instance('a') });
    watches[0]!.answer({ type: 'set', instance: instance('b') }, { type: 'delete', id: 'a', cause: 'left' });
    await settle();
    expect(heard.map((deltas) => deltas.map(({ type }) => type))).toEqual([['added'], ['added', 'removed']]);
    expect([...known().instances.keys()]).toEqual(['b']);
    expect(known().revision).toBe(3);
    expect(events.map(({ type }) => type)).toEqual(['view.changed', 'instance.removed', 'view.changed']);
  });

  it('tells also that it is known, where that is all that is new', async () => {
    let heard = 0;
    directory.subscribe('s', () => (heard += 1));
    watches[0]!.answer(reset());
    await settle();
    expect(heard).toBe(1);
  });
});

describe('a watch that breaks', () => {
  it('leaves the last known view, stale, until the registry answers again', async () => {
    directory.subscribe('s', () => {});
    watches[0]!.answer(reset('a'));
    await settle();
    time.advance(1000);
    watches[0]!.fail();
    await settle();
    expect(known().staleSince).toBe(1000);
    expect([...known().instances.keys()]).toEqual(['a']);
    expect(events.at(-1)).toMatchObject({ type: 'watch.broken', service: 's', retryInMs: 100 });
    await time.advanceAsync(100);
    watches[1]!.answer(reset('a'));
    await settle();
    expect(known().staleSince).toBeUndefined();
    expect(known().revision).toBe(1);
  });

  it('is tried again for ever, ever less often, and from the start after a success', async () => {
    directory.subscribe('s', () => {});
    await settle();
    const delays = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000];
    for (const [i, delay] of delays.entries()) {
      watches[i]!.fail();
      await time.advanceAsync(delay - 1);
      expect(watches).toHaveLength(i + 1);
      await time.advanceAsync(1);
      expect(watches).toHaveLength(i + 2);
    }
    expect(directory.view('s').status).toBe('pending');
    watches.at(-1)!.answer(reset());
    watches.at(-1)!.fail();
    await time.advanceAsync(100);
    expect(watches).toHaveLength(delays.length + 2);
  });

  it('keeps the time at which it became stale through further failures', async () => {
    directory.subscribe('s', () => {});
    watches[0]!.answer(reset('a'));
    await settle();
    watches[0]!.fail();
    await time.advanceAsync(100);
    watches[1]!.fail();
    await time.advanceAsync(500);
    expect(known().staleSince).toBe(0);
  });

  it('counts as broken when it merely ends', async () => {
    directory.subscribe('s', () => {});
    watches[0]!.end();
    await settle();
    expect(events.at(-1)).toMatchObject({ type: 'watch.broken', error: { code: 'ROOKERY_REGISTRY_UNREACHABLE' } });
  });

  it('is tried again where a folder is open to others: somebody may close it', async () => {
    directory.subscribe('s', () => {});
    watches[0]!.fail(fault('ROOKERY_REGISTRY_INSECURE'));
    await settle();
    expect(directory.view('s').status).toBe('pending');
    expect(events.at(-1)).toMatchObject({ type: 'watch.broken', retryInMs: 100, stale: false });
    await time.advanceAsync(100);
    watches[1]!.answer(reset('a'));
    await settle();
    expect([...known().instances.keys()]).toEqual(['a']);
  });

  it.each(['ROOKERY_NAME_INVALID', 'ROOKERY_REGISTRY_CLOSED', 'ROOKERY_OPTION_INVALID'] as const)(
    'keeps what is known, stale, also after %s',
    async (code) => {
      directory.subscribe('s', () => {});
      watches[0]!.answer(reset('a'));
      await settle();
      watches[0]!.fail(fault(code));
      await settle();
      expect(known().staleSince).toBe(0);
      expect([...known().instances.keys()]).toEqual(['a']);
      expect(events.at(-1)).toMatchObject({ type: 'watch.broken', error: { code }, stale: true });
      await time.advanceAsync(100);
      watches[1]!.answer(reset('a'));
      await settle();
      expect(known().staleSince).toBeUndefined();
    },
  );

  it('fails for good where waiting cannot heal', async () => {
    let heard = 0;
    directory.subscribe('s', () => (heard += 1));
    const error = fault('ROOKERY_NAME_INVALID');
    watches[0]!.fail(error);
    await time.advanceAsync(60_000);
    expect(directory.view('s')).toEqual({ status: 'failed', error });
    expect(events).toEqual([{ type: 'view.failed', service: 's', error }]);
    expect([watches.length, heard]).toEqual([1, 1]);
  });
});

describe('subscribers', () => {
  it('share one watch per service', async () => {
    const heard: string[] = [];
    directory.subscribe('s', () => heard.push('a'));
    directory.subscribe('s', () => heard.push('b'));
    directory.subscribe('t', () => heard.push('t'));
    watches[0]!.answer(reset('x'));
    await settle();
    expect(watches.map(({ service }) => service)).toEqual(['s', 't']);
    expect(heard).toEqual(['a', 'b']);
  });

  it('one that throws keeps nothing from the others, and is told', async () => {
    const heard: number[] = [];
    const error = new Error('a listener broke');
    directory.subscribe('s', () => {
      throw error;
    });
    directory.subscribe('s', (deltas) => heard.push(deltas.length));
    watches[0]!.answer(reset('a'));
    await settle();
    expect(events.map(({ type }) => type)).toEqual(['view.changed', 'listener.failed']);
    expect(events.at(-1)).toEqual({ type: 'listener.failed', service: 's', error });
    watches[0]!.answer(reset('a', 'b'));
    await settle();
    expect(heard).toEqual([1, 1]);
    expect([known().staleSince, watches.length]).toEqual([undefined, 1]);
  });

  it('one function may join twice, and leaves once each', async () => {
    let heard = 0;
    const listener = () => (heard += 1);
    const first = directory.subscribe('s', listener);
    directory.subscribe('s', listener);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    watches[0]!.answer(reset('x'));
    await settle();
    expect(heard).toBe(1);
  });

  it('the last one leaves the watch running for a minute', async () => {
    const first = directory.subscribe('s', () => {});
    watches[0]!.answer(reset('a'));
    await settle();
    first[Symbol.dispose]();
    await time.advanceAsync(59_999);
    const second = directory.subscribe('s', () => {});
    expect(known().instances.size).toBe(1);
    await time.advanceAsync(100_000);
    expect(watches[0]!.signal.aborted).toBe(false);
    second[Symbol.dispose]();
    await time.advanceAsync(60_000);
    expect(watches[0]!.signal.aborted).toBe(true);
    expect(directory.view('s').status).toBe('pending');
    directory.subscribe('s', () => {});
    expect(watches).toHaveLength(2);
  });

  it('hear nothing more when the directory is closed', async () => {
    let heard = 0;
    directory.subscribe('s', () => (heard += 1));
    directory.subscribe('t', () => (heard += 1));
    watches[1]!.fail();
    await settle();
    const before = heard;
    await directory[Symbol.asyncDispose]();
    watches[0]!.answer(reset('a'));
    await time.advanceAsync(100_000);
    expect([heard, watches.length, time.timers]).toEqual([before, 2, 0]);
    expect(watches.every(({ signal }) => signal.aborted)).toBe(true);
  });

  it('an old one that leaves late does not end a newer watch', async () => {
    const first = directory.subscribe('s', () => {});
    await settle();
    let old: Disposable | undefined;
    watches[0]!.signal.addEventListener('abort', () => (old = directory.subscribe('s', () => {})));
    first[Symbol.dispose]();
    await time.advanceAsync(60_000);
    directory.subscribe('s', () => {});
    expect(watches).toHaveLength(2);
    old![Symbol.dispose]();
    await time.advanceAsync(60_000);
    directory.subscribe('s', () => {});
    expect([watches.length, watches[1]!.signal.aborted]).toEqual([2, false]);
  });

  it('start nothing on a directory that is closed: every view has failed', async () => {
    let heard = 0;
    const early = directory.subscribe('s', () => (heard += 1));
    watches[0]!.answer(reset('a'));
    await settle();
    await directory[Symbol.asyncDispose]();
    for (const service of ['s', 'unknown'])
      expect(directory.view(service)).toMatchObject({ status: 'failed', error: { code: 'ROOKERY_REGISTRY_CLOSED' } });
    const late = directory.subscribe('s', () => (heard += 1));
    early[Symbol.dispose]();
    late[Symbol.dispose]();
    await time.advanceAsync(100_000);
    directory.subscribe('s', () => (heard += 1));
    expect([heard, watches.length, [...directory.services()]]).toEqual([1, 1, []]);
  });
});
