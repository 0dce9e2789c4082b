import type { Dialect } from './dialects/dialect.js';

export interface KeyRange {
  readonly key: string;
  /** The first key behind the range; absent where it is one key. */
  readonly end?: string;
}

/** A range of keys that is read of a service. */
export interface ReadRange extends KeyRange {
  /** How its values are read; absent where it is the route. */
  readonly dialect?: Dialect;
  /** Which of the dialects that are read: of entries that name one instance, the first one's counts. */
  readonly source: number;
}

/** What a key says of its service: the range that it is in, and the id, which may have slashes where it is foreign. */
export interface Place {
  readonly range: ReadRange;
  readonly id: string;
}

/** Which keys a registry reads and writes (docs/reference/etcd-layout.md). */
export class Layout {
  /** @param read, write never both empty */
  constructor(
    private readonly prefix: string,
    readonly read: readonly Dialect[],
    readonly write: readonly Dialect[],
  ) {}

  /** Whether routes are read: they stand beside our own entries. */
  get routes(): boolean {
    return this.read.some(({ name }) => name === 'rookery');
  }

  routeKey(service: string): string {
    return `${this.prefix}/routes/${service}`;
  }

  keysOf(service: string): ServiceKeys {
    const ranges = this.read.flatMap((dialect, source) =>
      dialect.folders(service).map((folder): ReadRange => ({ ...under(folder), dialect, source })),
    );
    return new ServiceKeys(this.routes ? [...ranges, { key: this.routeKey(service), source: 0 }] : ranges);
  }
}

/** Everything that is read of one service. */
export class ServiceKeys {
  /** Of each dialect that is read. */
  readonly #folders: readonly (readonly string[])[];

  constructor(readonly ranges: readonly ReadRange[]) {
    const count = Math.max(...ranges.map(({ source }) => source)) + 1;
    this.#folders = Array.from({ length: count }, (_, source) =>
      ranges.filter((range) => range.dialect && range.source === source).map(({ key }) => key),
    );
  }

  /** How many dialects are read. */
  get sources(): number {
    return this.#folders.length;
  }

  parse(key: string): Place | undefined {
    for (const range of this.ranges) {
      if (range.end === undefined ? key === range.key : key.startsWith(range.key))
        return { range, id: key.slice(range.key.length) };
    }
    return undefined;
  }

  /** Every key at which an instance of that id may stand in one dialect. */
  places(source: number, id: string): string[] {
    return (this.#folders[source] ?? []).map((folder) => folder + id);
  }
}

function under(folder: string): KeyRange {
  // "0" is the character after "/".
  return { key: folder, end: `${folder.slice(0, -1)}0` };
}
