import { logarithmic, linear, stepOf } from '../simulation/plot/scale.js';
import { element, GRID, line, PALE_INK, picture, text } from '../simulation/plot/svg.js';
import { PAYLOADS } from './workload.js';

/** What a plot needs of a line of the closed loop. */
export interface Point {
  readonly subject: string;
  readonly concurrency: number;
  readonly payload: string;
  readonly instances: number;
  readonly rps: number;
  readonly cpuUs: number;
  readonly serverCpuUs: number;
}

/** Colours that everybody can tell apart (Okabe and Ito 2008); grpc-js, which all of gRPC here is made of, is grey. */
const STYLES: Readonly<Record<string, { readonly color: string; readonly dash?: string }>> = {
  'grpc-js': { color: '#8c959f' },
  'grpc-js round_robin': { color: '#8c959f', dash: '7 3' },
  nest: { color: '#d55e00' },
  'nest-tcp': { color: '#e69f00' },
  'moleculer-tcp': { color: '#009e73' },
  'moleculer-nats': { color: '#009e73', dash: '7 3' },
  rookery: { color: '#0072b2' },
  'rookery-mux': { color: '#cc79a7' },
};

const WIDTH = 960;
const PANEL = { width: 370, height: 220 };
const styleOf = (subject: string) => STYLES[subject] ?? { color: '#000000' };
const subjectsOf = (points: readonly Point[]) => [...new Set(points.map(({ subject }) => subject))];

/** Calls a second by callers, a panel for each payload, on one instance; absent where nothing was measured there. */
export function plotSpeed(points: readonly Point[]): string | undefined {
  const one = points.filter(({ instances }) => instances === 1);
  const payloads = PAYLOADS.filter((payload) => one.some((point) => point.payload === payload));
  if (payloads.length === 0) return undefined;
  const title = 'Unary calls a second, one instance';
  const panels = payloads.map((payload, i) => {
    const [x, y] = [70 + (i % 2) * (PANEL.width + 90), 130 + Math.floor(i / 2) * (PANEL.height + 80)];
    const own = one.filter((point) => point.payload === payload);
    return speedPanel(x, y, payload, own);
  });
  const height = 130 + Math.ceil(payloads.length / 2) * (PANEL.height + 80) - 20;
  return picture(WIDTH, height, title, [heading(title), legend(subjectsOf(one)), ...panels]);
}

function speedPanel(left: number, top: number, payload: string, points: readonly Point[]): string {
  const speeds = points.map(({ rps }) => rps);
  const y = logarithmic(0.8 * Math.min(...speeds), 1.25 * Math.max(...speeds), [top + PANEL.height, top]);
  const callers = [...new Set(points.map(({ concurrency }) => concurrency))].toSorted((a, b) => a - b);
  const x = (concurrency: number) => left + ((callers.indexOf(concurrency) + 0.5) * PANEL.width) / callers.length;
  return [
    text(left, top - 10, payload, { weight: 'bold' }),
    ...y.marks.map((mark) => horizontal(left, y(mark), shortOf(mark))),
    ...callers.map((count) =>
      text(x(count), top + PANEL.height + 18, String(count), { anchor: 'middle', fill: PALE_INK }),
    ),
    text(left + PANEL.width, top + PANEL.height + 36, 'callers', { anchor: 'end', fill: PALE_INK }),
    ...subjectsOf(points).map((subject) => {
      const own = points.filter((point) => point.subject === subject);
      return curve(
        subject,
        own.map(({ concurrency, rps }) => [x(concurrency), y(rps)]),
      );
    }),
  ].join('\n');
}

function horizontal(left: number, y: number, label: string): string {
  return line(left, y, left + PANEL.width, y, GRID) + text(left - 8, y + 4, label, { anchor: 'end', fill: PALE_INK });
}

function curve(subject: string, places: readonly (readonly [number, number])[]): string {
  const { color, dash = 'none' } = styleOf(subject);
  const points = places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  const stroke = { fill: 'none', stroke: color, 'stroke-width': 2, 'stroke-dasharray': dash };
  const dots = places.map(([cx, cy]) => element('circle', { cx, cy, r: 3, fill: color }));
  return [element('polyline', { points, ...stroke }), ...dots].join('\n');
}

/** CPU for each call, client and server, on one instance with the smallest payload; absent where that was not measured. */
export function plotCpu(points: readonly Point[], concurrency = 64): string | undefined {
  const own = points.filter((one) => one.instances === 1 && one.payload === '16B' && one.concurrency === concurrency);
  if (own.length === 0) return undefined;
  const title = `CPU for each call, 16 B, ${concurrency} callers, one instance`;
  const most = Math.max(...own.map(({ cpuUs, serverCpuUs }) => cpuUs + serverCpuUs));
  const [left, top, row] = [180, 80, 30];
  const bottom = top + row * own.length;
  const x = linear(0, 1.15 * most, [left, WIDTH - 40], stepOf(most, 6));
  const marks = x.marks.flatMap((mark) => [
    line(x(mark), top, x(mark), bottom, GRID),
    text(x(mark), bottom + 18, shortOf(mark), { anchor: 'middle', fill: PALE_INK }),
  ]);
  const bars = own.flatMap(({ subject, cpuUs, serverCpuUs }, i) => {
    const { color: fill } = styleOf(subject);
    const at = { y: top + i * row + 6, height: row - 12, fill };
    const [client, both] = [x(cpuUs), x(cpuUs + serverCpuUs)];
    return [
      text(left - 12, at.y + 13, subject, { anchor: 'end' }),
      element('rect', { x: left, width: client - left, ...at }),
      element('rect', { x: client, width: both - client, ...at, 'fill-opacity': 0.5 }),
      text(both + 8, at.y + 13, `${cpuUs} + ${serverCpuUs}`, { fill: PALE_INK }),
    ];
  });
  const key = text(24, 56, 'client, and paler the server (a server of NATS included), µs', { fill: PALE_INK });
  return picture(WIDTH, bottom + 40, title, [heading(title), key, ...marks, ...bars]);
}

function heading(title: string): string {
  return text(24, 34, title, { size: 18, weight: 'bold' });
}

/** A sample of each line, and its name; names are about so many pixels a letter wide. */
const LETTER = 6.6;

function legend(subjects: readonly string[]): string {
  let [x, y] = [24, 62];
  const entries = subjects.map((subject) => {
    const width = 35 + LETTER * subject.length + 24;
    if (x + width > WIDTH - 24) [x, y] = [24, y + 22];
    const { color, dash = 'none' } = styleOf(subject);
    const sample = line(x, y, x + 28, y, color, { 'stroke-width': 2, 'stroke-dasharray': dash });
    const entry = sample + text(x + 35, y + 4, subject);
    x += width;
    return entry;
  });
  return entries.join('\n');
}

function shortOf(value: number): string {
  return value >= 1000 ? `${Number((value / 1000).toPrecision(3))} k` : String(Number(value.toPrecision(3)));
}
