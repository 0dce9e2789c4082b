import { linear, logarithmic, stepOf, type Scale } from './scale.js';
import { element, GRID, line, PALE_INK, text } from './svg.js';

/** A place in the picture. */
export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Curve {
  readonly color: string;
  readonly dash: string;
  readonly width: number;
  /** x in seconds; where y is absent the curve has a gap. */
  readonly points: readonly (readonly [x: number, y: number | undefined])[];
}

export interface Row {
  readonly name: string;
  readonly color: string;
  readonly values: readonly number[];
}

interface CurvePanel {
  readonly title: string;
  readonly curves: readonly Curve[];
  readonly seconds: number;
  /** The time that the figures are of, s. */
  readonly span: readonly [from: number, to: number];
}

/** Curves over time on a logarithmic axis. */
export function logPanel(frame: Frame, panel: CurvePanel): string {
  const values = valuesOf(panel);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return curvePanel(frame, panel, logarithmic(0.8 * least, Math.max(1.25 * most, 3 * least), heightOf(frame)));
}

/** Curves over time on a linear axis that begins with 0. */
export function linearPanel(frame: Frame, panel: CurvePanel): string {
  const most = 1.1 * Math.max(...valuesOf(panel));
  return curvePanel(frame, panel, linear(0, most, heightOf(frame), stepOf(most, 5)));
}

function curvePanel(frame: Frame, { title, curves, seconds, span }: CurvePanel, y: Scale): string {
  const x = linear(0, seconds, [frame.x, frame.x + frame.width], stepOf(seconds, 6));
  const [from, to] = span.map(x) as [number, number];
  const whole = span[0] === 0 && span[1] === seconds;
  return [
    text(frame.x, frame.y - 10, title, { weight: 'bold' }),
    whole ? '' : element('rect', { x: from, y: frame.y, width: to - from, height: frame.height, fill: '#f3f5f8' }),
    ...y.marks.map((mark) => horizontal(frame, y(mark), numberOf(mark))),
    ...x.marks.map((mark) => vertical(frame, x(mark), numberOf(mark))),
    text(frame.x + frame.width, frame.y + frame.height + 36, 'time, s', { anchor: 'end', fill: PALE_INK }),
    ...curves.map((curve) => drawCurve(curve, x, y)),
  ].join('\n');
}

/** One row of dots for each, one dot for each value, and the greatest in figures. */
export function dotPanel(frame: Frame, title: string, rows: readonly Row[]): string {
  const most = 1.1 * Math.max(...rows.flatMap(({ values }) => values));
  const x = linear(0, most, [frame.x, frame.x + frame.width], stepOf(most, 6));
  const rowHeight = frame.height / rows.length;
  return [
    text(frame.x, frame.y - 10, title, { weight: 'bold' }),
    ...x.marks.map((mark) => vertical(frame, x(mark), numberOf(mark))),
    ...rows.map((row, i) => drawRow(row, frame, x, frame.y + (i + 0.5) * rowHeight)),
    text(frame.x + frame.width, frame.y + frame.height + 36, 'calls of an instance ÷ mean of all', {
      anchor: 'end',
      fill: PALE_INK,
    }),
  ].join('\n');
}

function drawRow({ name, color, values }: Row, frame: Frame, x: Scale, y: number): string {
  const dots = values.map((value) =>
    element('circle', { cx: x(value), cy: y, r: 5, fill: color, 'fill-opacity': 0.5 }),
  );
  return [
    text(frame.x - 12, y + 4, name, { anchor: 'end' }),
    line(frame.x, y, frame.x + frame.width, y, GRID),
    ...dots,
    text(frame.x + frame.width + 10, y + 4, `max ${Math.max(...values).toFixed(2)}`),
  ].join('\n');
}

function drawCurve({ color, dash, width, points }: Curve, x: Scale, y: Scale): string {
  let pen = 'M';
  const steps = points.map(([at, value]) => {
    if (value === undefined) {
      pen = 'M';
      return '';
    }
    const step = `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = 'L';
    return step;
  });
  return element('path', {
    d: steps.join(''),
    fill: 'none',
    stroke: color,
    'stroke-width': width,
    'stroke-dasharray': dash,
    'stroke-linejoin': 'round',
  });
}

function horizontal({ x, width }: Frame, y: number, label: string): string {
  return line(x, y, x + width, y, GRID) + text(x - 10, y + 4, label, { anchor: 'end', fill: PALE_INK });
}

function vertical({ y, height }: Frame, x: number, label: string): string {
  return line(x, y, x, y + height, GRID) + text(x, y + height + 18, label, { anchor: 'middle', fill: PALE_INK });
}

function heightOf({ y, height }: Frame): [number, number] {
  return [y + height, y];
}

function valuesOf({ curves }: CurvePanel): number[] {
  return curves.flatMap(({ points }) => points.flatMap(([, value]) => value ?? []));
}

function numberOf(value: number): string {
  return String(Number(value.toPrecision(3)));
}
