import { describe, expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';
import { explanationText } from './explanation-text.js';

const lines = (text: string) => text.split('\n');

describe('explanationText', () => {
  it('shows the service, its route, its instances, and what each channel would do', () => {
    const stage = new BalancerStage();
    stage.ready('stable', 'one');
    stage.ready('canary', 'second');
    stage.set('down', { group: 'canary', weight: 0 });
    stage.report('down', 'failed', 'connect ECONNREFUSED 10.0.0.1:1');
    stage.route({ type: 'split', shares: { stable: 90, canary: 10 } });
    stage.pick(stage.call({ groups: ['B', 'canary'] }));
    stage.time.advance(1500);
    expect(lines(explanationText(stage.directory.explain('s')))).toEqual([
      's in memory:: 3 instances',
      "route: split group 'stable' 90, group 'canary' 10",
      "  one     one:1     group 'stable'  weight 100  up  ready   pickable  0 running",
      "  second  second:1  group 'canary'  weight 100  up  ready   pickable  0 running",
      "  down    down:1    group 'canary'  weight 0    up  failed  -         0 running  weight: Its weight is 0. " +
        'failed: It could not be reached when it was last tried: connect ECONNREFUSED <address>.',
      "channel 1: the call goes to group 'stable' or group 'canary'",
      "  group 'stable'  by route  90 %  usable  1 of 1 usable",
      "  group 'canary'  by route  10 %  usable  1 of 2 usable",
      '  last picks:',
      expect.stringMatching(
        /^ {2}\d\.\d s ago {2}second {2}second:1 {2}group 'canary' {2}by call {2}attempt 1 {2}nobody in group 'B'$/,
      ),
    ]);
  });

  it('shows the call that was asked about, and why it waits or fails', () => {
    const stage = new BalancerStage();
    expect(explanationText(stage.directory.explain('s'))).toContain(
      'channel 1: waits: the registry has not answered yet',
    );
    stage.set('a');
    const text = explanationText(stage.directory.explain('s', { group: ['A'], lane: 'x', hashKey: 'k' }));
    expect(text).toContain('call: group ["A"], lane "x", hashKey "k"');
    expect(text).toContain("channel 1: ROOKERY_GROUP_MISSING: s: no usable instance in group 'A'");
    expect(explanationText(stage.directory.explain('s'))).toContain('channel 1: waits: no instance is connected yet');
  });

  it.each([
    [{ view: 'unwatched' }, 's in r: nobody in this process asks for it'],
    [{ view: 'pending' }, 's in r: the registry has not answered yet'],
    [{ view: 'failed', error: 'no such user' }, 's in r: cannot be watched: no such user'],
    [{ view: 'stale', staleForMs: 90_000 }, 's in r: 0 instances, known from before the registry went away 90.0 s ago'],
  ] as const)('begins with the view: %j', (view, line) => {
    const empty = { service: 's', registry: 'r', route: null, call: {}, instances: [], channels: [] };
    expect(lines(explanationText({ ...empty, ...view }))).toEqual([
      line,
      view.view === 'pending' || view.view === 'unwatched'
        ? 'route: not known yet'
        : 'route: none (ungrouped instances only)',
    ]);
  });

  it('has a line for each channel only where they differ', () => {
    const instance = { id: 'a', address: 'a:1', group: '', weight: 1, status: 'up', pickable: false } as const;
    const standing = (channel: number, state: 'ready' | 'failed') => ({
      channel,
      state,
      running: 0,
      pickable: false,
      why: [],
    });
    const explanation = {
      ...({ service: 's', registry: 'r', view: 'known', route: { type: 'prefer', groups: ['A', ''] } } as const),
      call: {},
      channels: [],
    };
    const shown = (...channels: ReturnType<typeof standing>[]) =>
      lines(explanationText({ ...explanation, instances: [{ ...instance, channels }] })).slice(2);
    expect(shown(standing(1, 'ready'), standing(2, 'ready'))).toHaveLength(1);
    expect(shown(standing(1, 'ready'), standing(2, 'failed'))).toEqual([
      expect.stringMatching(/ready .*\(channel 1\)$/),
      expect.stringMatching(/failed .*\(channel 2\)$/),
    ]);
    expect(shown()).toEqual(['  a  a:1  ungrouped  weight 1  up  -']);
    expect(explanationText({ ...explanation, instances: [] })).toContain("route: prefer group 'A', then ungrouped");
  });
});
