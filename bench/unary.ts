import type { Bench, Context, Result } from './bench.js';
import { measureClosed } from './unary/closed.js';
import { measureMemory } from './unary/memory.js';
import { measureOpen } from './unary/open.js';
import { FLAGS, readPlan, type Cell, type Plan } from './unary/plan.js';
import { plotCpu, plotSpeed, type Point } from './unary/plot.js';
import type { RoundOptions } from './unary/rounds.js';
import { Stage } from './unary/stage.js';
import type { Subject } from './unary/subjects.js';

export const unary: Bench = {
  name: 'unary',
  summary: "unary calls beside grpc-js, Nest's gRPC and TCP, and Moleculer (about 15 minutes)",
  flags: FLAGS,
  check: (flags) => void readPlan(flags),
  async *run(context) {
    const plan = readPlan(context.flags);
    const points: Point[] = [];
    for (const instances of new Set(plan.cells.map((cell) => cell.instances))) {
      const cells = plan.cells.filter((cell) => cell.instances === instances);
      for await (const result of closed(plan, instances, cells, context)) {
        points.push(result as Result & Point);
        yield result;
      }
    }
    const plots = { 'unary-rps.svg': plotSpeed(points), 'unary-cpu.svg': plotCpu(points) };
    for (const [file, plot] of Object.entries(plots)) if (plot) context.keep(file, plot);
    if (plan.offered.length > 0) yield* open(plan, context);
    if (plan.inFlight > 0) yield* memory(plan, context);
  },
};

async function* closed(
  plan: Plan,
  instances: number,
  cells: readonly Cell[],
  context: Context,
): AsyncGenerator<Result> {
  const able = plan.subjects.filter(({ oneInstance }) => instances === 1 || !oneInstance);
  await using stage = await openStage({ ...plan, subjects: able }, instances, context);
  for (const cell of cells) {
    context.onProgress(`unary: ${cell.payload}, ${cell.concurrency} callers, ${instances} instances`);
    yield* await measureClosed(stage, cell, roundOptions(plan, context));
  }
}

async function* open(plan: Plan, context: Context): AsyncGenerator<Result> {
  await using stage = await openStage(plan, 1, context);
  for (const offered of plan.offered) {
    context.onProgress(`unary: ${offered} calls offered a second`);
    yield* await measureOpen(stage, offered, roundOptions(plan, context));
  }
}

async function* memory({ subjects, inFlight, warmUpMs }: Plan, context: Context): AsyncGenerator<Result> {
  for (const subject of subjects) {
    context.onProgress(`unary: ${inFlight} calls held, ${subject.name}`);
    try {
      yield await measureMemory(subject, inFlight, warmUpMs);
    } catch (error) {
      fail(context, subject, error);
    }
  }
}

function openStage({ subjects, warmUpMs }: Plan, instances: number, context: Context): Promise<Stage> {
  context.onProgress(`unary: starting ${instances} instances of each server`);
  return Stage.open(subjects, { instances, warmUpMs }, (subject, error) => fail(context, subject, error));
}

function roundOptions({ rounds, ms }: Plan, context: Context): RoundOptions {
  const onProgress = (line: string) => context.onProgress(`  ${line}`);
  return { rounds, ms, onProgress, onFailure: ({ subject }, error) => fail(context, subject, error) };
}

function fail({ onFailure }: Context, { name }: Subject, error: unknown): void {
  onFailure(`unary: ${name} cannot be measured: ${error instanceof Error ? error.message : String(error)}`);
}
