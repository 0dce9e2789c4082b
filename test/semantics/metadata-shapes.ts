import { Metadata } from '@grpc/grpc-js';

export type Entries = readonly (readonly [string, string | Buffer])[];

export function metadataOf(entries: Entries): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of entries) metadata.add(key, value);
  return metadata;
}

export const USER_AGENT = { 'user-agent': ['grpc-node-js/#'] };
export const BYTES = Buffer.from([0, 1, 0x2c, 0x7f, 0x80, 0xff]);
const MANY = Array.from({ length: 30 }, (_, i) => [`x-key-${i}`, `value ${i}`] as const);
const LONG = 'v'.repeat(4000);

/** Both ways alike: what is sent, and what arrives. */
export const SHAPES: readonly (readonly [string, Entries, object])[] = [
  ['a text', [['x-a', 'one']], { 'x-a': ['one'] }],
  [
    'a text that is repeated',
    [
      ['x-a', 'one'],
      ['x-a', 'two'],
      ['x-a', 'one'],
    ],
    { 'x-a': ['one, two, one'] },
  ],
  [
    'a text with commas',
    [
      ['x-a', 'one, two'],
      ['x-a', 'three,four'],
    ],
    { 'x-a': ['one, two, three,four'] },
  ],
  ['an empty text', [['x-a', '']], { 'x-a': [''] }],
  // Node's HTTP/2 drops such a field.
  ['a text with spaces at its ends, which nobody hears of', [['x-a', '  a b  ']], {}],
  [
    'a text of every printable character',
    [['x-a', '!"#$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~']],
    { 'x-a': ['!"#$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~'] },
  ],
  ['names in capitals', [['X-Mixed-Case', 'Kept']], { 'x-mixed-case': ['Kept'] }],
  ['names with a dot, a dash and an underscore', [['a.b-c_d', 'v']], { 'a.b-c_d': ['v'] }],
  ['bytes', [['x-bin', BYTES]], { 'x-bin': [`hex ${BYTES.toString('hex')}`] }],
  [
    'bytes that are repeated',
    [
      ['x-bin', BYTES],
      ['x-bin', Buffer.from('two')],
    ],
    { 'x-bin': [`hex ${BYTES.toString('hex')}`, 'hex 74776f'] },
  ],
  ['no bytes', [['x-bin', Buffer.alloc(0)]], { 'x-bin': ['hex '] }],
  ['bytes of 3000', [['x-bin', Buffer.alloc(3000, 7)]], { 'x-bin': [`hex ${'07'.repeat(3000)}`] }],
  ['thirty names', MANY, Object.fromEntries(MANY.map(([key, value]) => [key, [value]]))],
  ['a text of 4000 characters', [['x-long', LONG]], { 'x-long': [LONG] }],
  [
    'names that mean something to HTTP',
    [
      ['authorization', 'Bearer abc'],
      ['cookie', 'a=1'],
      ['x-request-id', '7'],
      ['accept-language', 'de'],
    ],
    { authorization: ['Bearer abc'], cookie: ['a=1'], 'x-request-id': ['7'], 'accept-language': ['de'] },
  ],
  [
    'names that HTTP sends once, twice',
    [
      ['authorization', 'a'],
      ['referer', 'c'],
      ['x-forwarded-for', '10.0.0.1'],
      ['x-forwarded-for', '10.0.0.2'],
    ],
    { authorization: ['a'], referer: ['c'], 'x-forwarded-for': ['10.0.0.1, 10.0.0.2'] },
  ],
  [
    'cookies',
    [
      ['cookie', 'a=1'],
      ['cookie', 'b=2'],
    ],
    { cookie: ['a=1; b=2'] },
  ],
  [
    'the trace of a call',
    [['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01']],
    { traceparent: ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'] },
  ],
];
