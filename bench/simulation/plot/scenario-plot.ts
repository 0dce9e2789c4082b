import type { Scenario } from '../scenarios.js';
import type { Outcome } from '../simulate.js';
import { dotPanel, linearPanel, logPanel, type Curve, type Frame } from './panels.js';
import { line, PALE_INK, picture, text } from './svg.js';

const WIDTH = 960;
const LEFT = 160;
const RIGHT = 100;
const PANEL = { x: LEFT, width: WIDTH - LEFT - RIGHT };
/** Between two panels: marks of the one, title of the other. */
const SPACE = 76;
const ROW = 24;

/** Colours that everybody can tell apart (Okabe and Ito 2008); what they are compared with is wide and grey beneath. */
const STYLES: Readonly<Record<string, { readonly color: string; readonly dash?: string; readonly width?: number }>> = {
  round_robin: { color: '#8c959f', width: 5 },
  weighted: { color: '#0072b2' },
  p2c: { color: '#d55e00' },
  'least-request': { color: '#009e73', dash: '7 3' },
  'consistent-hash': { color: '#cc79a7', dash: '2 2' },
  'weighted, warm-up': { color: '#56b4e9', dash: '10 3 2 3' },
};

interface Style {
  readonly color: string;
  readonly dash: string;
  readonly width: number;
}

/** What became of one scenario with everyone: the slowest calls and the failed ones over time, and who took the calls. */
export function plotScenario(scenario: Scenario, outcomes: readonly Outcome[], seed: number): string {
  const { title, end, from, to } = scenario;
  const common = { seconds: end, span: [from, to] as const };
  const latency = curvesOf(outcomes, ({ p99Ms }) => p99Ms);
  const failures = curvesOf(outcomes, ({ failedPercent }) => failedPercent);
  const anyFailed = outcomes.some(({ curve }) => curve.some(({ failedPercent }) => failedPercent > 0));
  const rows = outcomes.map(({ subject, loads }) => ({ name: subject, color: styleOf(subject).color, values: loads }));
  const parts = [
    text(24, 34, title, { size: 18, weight: 'bold' }),
    text(24, 56, subtitleOf(scenario, seed), { fill: PALE_INK }),
    legend(outcomes),
  ];
  let y = 132;
  const frame = (height: number): Frame => {
    const at = { ...PANEL, y, height };
    y += height + SPACE;
    return at;
  };
  parts.push(logPanel(frame(220), { ...common, title: '99th percentile of the latency, ms', curves: latency }));
  if (anyFailed) parts.push(linearPanel(frame(120), { ...common, title: 'Calls that failed, %', curves: failures }));
  parts.push(dotPanel(frame(ROW * rows.length), 'Load of each instance', rows));
  return picture(WIDTH, y - SPACE + 52, title, parts);
}

function subtitleOf({ instances, clients, load, from, to, end }: Scenario, seed: number): string {
  const span = from === 0 && to === end ? '' : `, figures and load from ${from} s to ${to} s`;
  return `${instances} instances at ${100 * load} % of what they can do, ${clients} clients${span}; seed ${seed}`;
}

function styleOf(subject: string): Style {
  const { color, dash = 'none', width = 2 } = STYLES[subject] ?? { color: '#000000' };
  return { color, dash, width };
}

function curvesOf(
  outcomes: readonly Outcome[],
  value: (point: Outcome['curve'][number]) => number | undefined,
): Curve[] {
  return outcomes.map(({ subject, curve }) => ({
    ...styleOf(subject),
    points: curve.map((point) => [point.second, value(point)] as const),
  }));
}

/** A sample of each line, and its name; names are about so many pixels a letter wide. */
const LETTER = 7.4;

function legend(outcomes: readonly Outcome[]): string {
  const y = 84;
  let x = 24;
  return outcomes
    .map(({ subject }) => {
      const { color, dash, width } = styleOf(subject);
      const sample = line(x, y, x + 28, y, color, { 'stroke-width': width, 'stroke-dasharray': dash });
      const entry = sample + text(x + 35, y + 4, subject);
      x += 35 + LETTER * subject.length + 24;
      return entry;
    })
    .join('\n');
}
