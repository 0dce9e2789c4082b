type Attributes = Readonly<Record<string, string | number>>;

/** One element as text; numbers are cut to tenths of a pixel. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const all = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === 'number' ? tenth(value) : value}"`,
  );
  return content === '' ? `<${name}${all.join('')}/>` : `<${name}${all.join('')}>${content}</${name}>`;
}

export interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
  readonly weight?: 'normal' | 'bold';
  readonly fill?: string;
}

export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { anchor = 'start', size = 13, weight = 'normal', fill = INK } = style;
  return element(
    'text',
    { x, y, 'text-anchor': anchor, 'font-size': size, 'font-weight': weight, fill },
    escape(content),
  );
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string, more: Attributes = {}): string {
  return element('line', { x1, y1, x2, y2, stroke, ...more });
}

/** A picture on a light ground of its own, so that a dark page does not swallow the ink. */
export function picture(width: number, height: number, label: string, parts: readonly string[]): string {
  const ground = element('rect', { width, height, rx: 8, fill: '#ffffff', stroke: GRID });
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
    'aria-label': escape(label),
    'font-family': 'system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif',
  };
  return `${element('svg', attributes, `\n${[ground, ...parts].join('\n')}\n`)}\n`;
}

export const INK = '#1f2328';
export const PALE_INK = '#57606a';
export const GRID = '#d8dee4';

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
