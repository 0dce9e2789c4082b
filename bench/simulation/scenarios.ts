import type { Subject } from './channel.js';
import type { Fleet } from './fleet.js';
import type { Server } from './server.js';
import type { VirtualTime } from './virtual-time.js';

/** What a scenario may move. */
export interface Stage {
  readonly time: VirtualTime;
  readonly fleet: Fleet;
  /** The servers that were there from the beginning. */
  readonly servers: readonly Server[];
}

/** What happens to servers while clients call them: the same for every subject. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly instances: number;
  readonly clients: number;
  /** Of the work that all instances together can do, the part that the clients ask of them. */
  readonly load: number;
  /** Calls that each client makes at once when it starts. */
  readonly burst: number;
  /** How much calls differ: the deviation of the logarithm of what they take. */
  readonly sigma: number;
  /** Compared beside the usual ones. */
  readonly also?: readonly Subject[];
  /** Instances and clients stand in turn in these. */
  readonly zones?: readonly string[];
  /** Whether clients of ours prefer their own zone. */
  readonly prefersZone?: boolean;
  /** Figures are of the calls that were made from then on, s. */
  readonly from: number;
  /** … until then, s. */
  readonly to: number;
  /** Calls are made until then, s. */
  readonly end: number;
  readonly play: (stage: Stage) => void;
}

/** With this sigma the 99th percentile of what a call takes is 4.7 times its mean. */
const USUAL = { instances: 10, clients: 20, load: 0.5, burst: 0, sigma: 0.8 };
const ZONES = ['a', 'b', 'c'];
/** A new process is slow at first: caches are empty, and code is not compiled yet. */
const COLD = { slowness: 3, ms: 2000 };

const at = ({ time }: Stage, second: number, then: () => void) => void time.after(second * 1000 - time.now(), then);

const during = (stage: Stage, from: number, to: number, set: (on: boolean) => void) => {
  at(stage, from, () => set(true));
  at(stage, to, () => set(false));
};

/** One after another leaves, and a second later another one comes in its place. */
function deploy(stage: Stage): void {
  stage.servers.forEach((server, n) => {
    at(stage, 3 + 2.5 * n, () => stage.fleet.leave(server));
    at(stage, 4 + 2.5 * n, () => {
      const fresh = stage.fleet.join();
      fresh.slowness = COLD.slowness;
      stage.time.after(COLD.ms, () => (fresh.slowness = 1));
    });
  });
}

function loseZone(stage: Stage): void {
  const lost = stage.fleet.inZone(ZONES[0]!);
  during(stage, 5, 20, (on) => lost.forEach((server) => (server.silent = on)));
}

const zoneLoss = { ...USUAL, instances: 12, clients: 24, zones: ZONES, from: 5, to: 20, end: 30, play: loseZone };

export const SCENARIOS: readonly Scenario[] = [
  { ...USUAL, name: 'steady', title: 'Nothing happens', from: 2, to: 12, end: 12, play: () => {} },
  {
    ...USUAL,
    name: 'uneven-calls',
    title: 'Some calls take far longer than others',
    load: 0.8,
    sigma: 1.8,
    from: 2,
    to: 22,
    end: 22,
    play: () => {},
  },
  {
    ...USUAL,
    name: 'cold-start',
    title: '100 clients start together, each with ten calls at once',
    clients: 100,
    burst: 10,
    from: 0,
    to: 1,
    end: 3,
    play: () => {},
  },
  {
    ...USUAL,
    name: 'slow-instance',
    title: 'One instance of ten is ten times as slow',
    from: 5,
    to: 25,
    end: 30,
    play: (stage) => during(stage, 5, 25, (on) => (stage.servers[0]!.slowness = on ? 10 : 1)),
  },
  {
    ...USUAL,
    name: 'failing-instances',
    title: 'Three instances of ten answer UNAVAILABLE at once',
    from: 5,
    to: 25,
    end: 30,
    play: (stage) => during(stage, 5, 25, (on) => stage.servers.slice(0, 3).forEach((each) => (each.failing = on))),
  },
  {
    ...USUAL,
    name: 'rolling-deploy',
    title: 'Ten instances are replaced one by one; new ones are three times as slow for 2 s',
    also: [{ name: 'weighted, warm-up', options: { balancer: 'weighted', warmUpMs: COLD.ms } }],
    from: 3,
    to: 30,
    end: 30,
    play: deploy,
  },
  { ...zoneLoss, name: 'zone-loss', title: 'A zone of three falls silent; clients prefer none' },
  {
    ...zoneLoss,
    name: 'zone-loss-preferred',
    title: 'A zone of three falls silent; clients prefer their own',
    prefersZone: true,
  },
];
