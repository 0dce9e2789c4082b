import { describe, expect, it } from 'vitest';
import { codeBlocks, readPage, section } from '../../../../test/docs/markdown.js';
import * as frames from './frames.js';
import { decodeMetadata } from './metadata-section.js';
import { batchOf, shown, u32, type Frame } from './mux.stage.js';

const page = readPage('docs/reference/mux.md');
const example = (side: string): Buffer => {
  const { code } = codeBlocks(page).find(({ info }) => info === `hex ${side}`)!;
  return Buffer.from(code.replaceAll(/#.*/g, '').replaceAll(/\s/g, ''), 'hex');
};
const setting = (key: number, value: number) => Buffer.concat([Buffer.of(key, 0), u32(value)]);

describe('the reference of mux', () => {
  it('shows what a client sends', () => {
    const metadata = Buffer.concat([Buffer.from('\x01\0\x06\0x-user'), u32(3), Buffer.from('ann')]);
    expect(decodeMetadata(metadata).toJSON()).toEqual({ 'x-user': ['ann'] });
    const first = Buffer.concat([u32(5000), u32(metadata.length), metadata, Buffer.from('\n\x0242')]);
    const sent: Frame[] = [
      { type: frames.SETTINGS, body: setting(frames.MAX_RESPONSE_BYTES, 4 << 20) },
      { type: frames.NAME, code: 1, body: '/u.Users/Get' },
      { type: frames.REQUEST, flags: frames.WITH_TIMEOUT | frames.WITH_METADATA, code: 1, id: 0, body: first },
      { type: frames.REQUEST, code: 1, id: 1, body: '\n\x0243' },
      { type: frames.CANCEL, id: 1 },
    ];
    expect(shown(example('client'))).toEqual(shown(batchOf(...sent)));
    expect(example('client').toString('hex')).toBe(batchOf(...sent).toString('hex'));
  });

  it('shows what a server answers', () => {
    const limits = [setting(frames.MAX_CONCURRENT, 16_384), setting(frames.MAX_REQUEST_BYTES, 8192)];
    const answered: Frame[] = [
      { type: frames.SETTINGS, body: Buffer.concat(limits) },
      { type: frames.RESPONSE, code: 1, id: 1, body: 'Cancelled on client' },
      { type: frames.RESPONSE, id: 0, body: '\n\x03Ann' },
      { type: frames.GOAWAY, code: 1, id: 2 },
    ];
    expect(example('server').toString('hex')).toBe(batchOf(...answered).toString('hex'));
  });

  it('has the numbers of the code', () => {
    const rows = section(page, 'Frames').matchAll(/^\|([^|]+)\|([^|]+)\|([^|]+)\|/gm);
    const cells = [...rows].map(([, ...row]) => row.map((cell) => cell.trim().replaceAll('`', '')));
    const named = cells.flatMap(([a, b, c]) => {
      if (/^\d+$/.test(a!)) return [[b!, Number(a)] as const];
      if (/^\d+$/.test(b!)) return [[/^[A-Z_]+$/.test(c!) ? c! : a!, Number(b)] as const];
      return [];
    });
    const known = frames as unknown as Readonly<Record<string, unknown>>;
    const numbers = named.filter(([name, value]) => !(name === 'MAX_CONCURRENT' && value > 1));
    expect(numbers.map(([name]) => [name, known[name]])).toEqual(numbers);
    expect(numbers).toHaveLength(17);
    expect(page.text).toContain(frames.MUX_PATH);
  });
});
