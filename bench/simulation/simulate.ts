import { createDirectory } from 'rookery/grpc';
import { round } from '../../test/support/scale/quantile.js';
import { chance } from './chance.js';
import type { Subject } from './channel.js';
import { Client, MEAN_WORK_MS, TIMEOUT_MS } from './client.js';
import { Fleet } from './fleet.js';
import { Ledger, type Figures, type Point } from './ledger.js';
import type { Scenario } from './scenarios.js';
import { WORKERS } from './server.js';
import { VirtualTime } from './virtual-time.js';

/** What became of a scenario with one way to balance. */
export interface Outcome extends Figures {
  readonly scenario: string;
  readonly subject: string;
  /** Calls of the instance that had most, to the mean of all; by second, where instances come and go. */
  readonly loadMaxMean: number;
  /** Of each instance, to that mean. */
  readonly loads: readonly number[];
  readonly curve: readonly Point[];
}

const CURVE_POINTS = 60;

/** Plays a scenario in virtual time. One seed gives one outcome, and the same calls to every subject. */
export async function simulate(scenario: Scenario, subject: Subject, seed: number): Promise<Outcome> {
  const { instances, clients, load, burst, sigma, zones, prefersZone = false, from, to, end } = scenario;
  const time = new VirtualTime();
  const fleet = new Fleet(time);
  await using directory = createDirectory(fleet.registry, { time, random: chance(seed, 'directory'), emit: () => {} });
  const zoneOf = (n: number) => zones?.[n % zones.length];
  const servers = Array.from({ length: instances }, (_, n) => fleet.join(zoneOf(n)));
  const ledger = new Ledger();
  const perSecond = (load * instances * WORKERS * 1000) / MEAN_WORK_MS / clients;
  const demand = { untilMs: end * 1000, perSecond, burst, sigma };
  const all = Array.from({ length: clients }, (_, client) => {
    const zone = prefersZone ? zoneOf(client) : undefined;
    return new Client(subject, { time, fleet, directory, seed, client, zone }, demand, ledger);
  });
  for (const client of all) client.start();
  scenario.play({ time, fleet, servers });
  await time.run(from * 1000);
  fleet.mark();
  await time.run(to * 1000);
  const loads = relative(fleet.loads(from * 1000));
  await time.run(end * 1000 + TIMEOUT_MS + 1);
  for (const client of all) client.close();
  return {
    scenario: scenario.name,
    subject: subject.name,
    ...ledger.figures(from * 1000, to * 1000),
    loadMaxMean: Math.max(...loads),
    loads,
    curve: ledger.curve(end * 1000, (end * 1000) / CURVE_POINTS),
  };
}

function relative(loads: readonly number[]): readonly number[] {
  const mean = loads.reduce((sum, each) => sum + each, 0) / loads.length;
  return loads.map((each) => round(each / mean, 2));
}
