import { orderOf } from './figures.js';
import type { LoadReport } from './load/report.js';
import type { Stage, Stand } from './stage.js';

export interface RoundOptions {
  readonly rounds: number;
  /** Of one run. */
  readonly ms: number;
  /** Is told of a subject that can be measured no more. */
  readonly onFailure: (stand: Stand, error: unknown) => void;
  readonly onProgress: (line: string) => void;
}

/** What each subject's runs came to, in the order of the rounds; whoever failed is not in it. */
export type Rounds<Report> = ReadonlyMap<Stand, readonly Report[]>;

/** Runs all subjects of the stage in turn, every other round backwards. */
export async function runRounds<Report extends LoadReport>(
  stage: Stage,
  { rounds, onFailure, onProgress }: RoundOptions,
  run: (stand: Stand, round: number) => Promise<Report>,
): Promise<Rounds<Report>> {
  const reports = new Map<Stand, Report[]>(stage.stands.map((stand) => [stand, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const stand of orderOf([...reports.keys()], round)) {
      try {
        const report = await run(stand, round);
        if (report.failed > 0) onProgress(`${stand.subject.name}: ${report.failed} failed: ${report.failure}`);
        if (report.calls === 0) throw new Error(`no call was answered: ${report.failure}`);
        reports.get(stand)!.push(report);
      } catch (error) {
        reports.delete(stand);
        stage.drop(stand);
        onFailure(stand, error);
      }
    }
  }
  return reports;
}
