import { randomInt } from 'node:crypto';
import { decode, encode, RECURSION_DESIRED } from 'dns-packet';

export type QuestionType = 'A' | 'AAAA' | 'SRV';

export interface Question {
  /** Without a dot at its end. */
  readonly name: string;
  readonly type: QuestionType;
}

/** A record that means something here; names are in lower case, without a dot at their ends. */
export type DnsRecord = { readonly name: string; readonly ttlMs: number } & (
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME'; readonly target: string }
  | ({ readonly type: 'SRV' } & SrvData)
);

/** RFC 2782. */
export interface SrvData {
  readonly target: string;
  readonly port: number;
  /** The lowest is asked first. */
  readonly priority: number;
  /** 0…65535. */
  readonly weight: number;
}

export interface Answer {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, … */
  readonly rcode: string;
  /** It did not fit: the same is to be asked over TCP. */
  readonly truncated: boolean;
  readonly records: readonly DnsRecord[];
  /** What the server expects to be asked next. */
  readonly additional: readonly DnsRecord[];
  /** How long that there is nothing stays true (RFC 2308); absent where the server does not say. */
  readonly negativeTtlMs?: number;
}

/** What fits into one packet on every path (dnsflagday.net/2020). */
const UDP_BYTES = 1232;

/** A question on its way; what answers must say the same. */
export interface Query extends Question {
  readonly id: number;
  readonly bytes: Buffer;
}

/** @param edns says how much we take over UDP (RFC 6891); old servers refuse to be told */
export function writeQuery({ name, type }: Question, edns: boolean): Query {
  const id = randomInt(0x1_0000);
  const bytes = encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name, type }],
    ...(edns && {
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: UDP_BYTES,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ],
    }),
  });
  return { name, type, id, bytes };
}

/** The words of the codec's packets that are read; what its types leave out is there all the same. */
interface Packet {
  readonly id?: number;
  readonly type?: string;
  readonly rcode?: string;
  readonly flag_tc?: boolean;
  readonly questions?: readonly { readonly name: string; readonly type: string }[];
  readonly answers?: readonly PacketRecord[];
  readonly authorities?: readonly PacketRecord[];
  readonly additionals?: readonly PacketRecord[];
}

interface PacketRecord {
  readonly name: string;
  readonly type: string;
  readonly ttl?: number;
  readonly class?: unknown;
  readonly data?: unknown;
}

/**
 * The answer to the query, or nothing where these bytes answer something else: somebody guesses, or is late.
 * @throws {Error} what the codec says, where they have our id and cannot be read
 */
export function readAnswer(bytes: Buffer, query: Query): Answer | undefined {
  if (bytes.length < 2 || bytes.readUInt16BE(0) !== query.id) return undefined;
  const packet = decodePacket(bytes);
  if (packet.type !== 'response' || !repeats(packet.questions ?? [], query, packet.rcode)) return undefined;
  const soa = packet.authorities?.find(({ type }) => type === 'SOA');
  return {
    rcode: packet.rcode ?? '',
    truncated: packet.flag_tc === true,
    records: read(packet.answers),
    additional: read(packet.additionals),
    ...(soa && { negativeTtlMs: Math.min(ttlOf(soa), minimumOf(soa)) }),
  };
}

/** Beyond 16 KiB, servers have been seen to refer to the wrong names behind the answers, which are good all the same. */
function decodePacket(bytes: Buffer): Packet {
  try {
    return decode(bytes) as Packet;
  } catch (error) {
    if (bytes.length < 12) throw error;
    const answers = Buffer.from(bytes);
    // Without authorities and additional records.
    answers.fill(0, 8, 12);
    return decode(answers) as Packet;
  }
}

/** A server that could not read the question has none to repeat. */
function repeats(questions: NonNullable<Packet['questions']>, { name, type }: Question, rcode?: string): boolean {
  const [question] = questions;
  if (!question) return rcode === 'FORMERR' || rcode === 'NOTIMP';
  return questions.length === 1 && canonical(question.name) === canonical(name) && question.type === type;
}

/** DNS knows no case (RFC 4343). */
export function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function read(records: readonly PacketRecord[] = []): DnsRecord[] {
  return records.flatMap((record): DnsRecord[] => {
    const { type, data } = record;
    const common = { name: canonical(record.name), ttlMs: ttlOf(record) };
    if (type === 'A' || type === 'AAAA') return [{ ...common, type, address: data as string }];
    if (type === 'CNAME') return [{ ...common, type, target: canonical(data as string) }];
    if (type !== 'SRV') return [];
    const { target, port, priority = 0, weight = 0 } = data as Partial<SrvData>;
    return [{ ...common, type, target: canonical(target ?? ''), port: port ?? 0, priority, weight }];
  });
}

/** Whole seconds; a first bit that is set means 0 (RFC 2181 §8). */
function ttlOf({ ttl = 0 }: PacketRecord): number {
  return ttl > 0x7fff_ffff ? 0 : ttl * 1000;
}

function minimumOf({ data }: PacketRecord): number {
  return ((data as { readonly minimum?: number } | undefined)?.minimum ?? 0) * 1000;
}
