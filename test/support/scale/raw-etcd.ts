import { Etcd3, type IWatchRequest, type IWatchResponse } from 'etcd3';

/** What a scale measures beside us: the package that we use, bare, on a connection of its own. */
export class RawEtcd implements Disposable {
  readonly #etcd: Etcd3;

  constructor(readonly host: string) {
    this.#etcd = new Etcd3({ hosts: `http://${host}` });
  }

  async put(key: string, value: string): Promise<void> {
    await this.#etcd.kv.put({ key: Buffer.from(key), value: Buffer.from(value) });
  }

  async putAll(entries: readonly (readonly [key: string, value: string])[]): Promise<void> {
    // etcd refuses transactions of more than 128 operations.
    for (let i = 0; i < entries.length; i += 100) {
      const some = entries.slice(i, i + 100);
      const put = ([key, value]: (typeof some)[number]) => ({ key: Buffer.from(key), value: Buffer.from(value) });
      await this.#etcd.kv.txn({ success: some.map((entry) => ({ request_put: put(entry) })) });
    }
  }

  async revision(): Promise<number> {
    const { header } = await this.#etcd.kv.range({ key: Buffer.from('\0'), limit: 1 });
    return Number(header.revision);
  }

  /** The keys below a prefix that some lease holds. */
  async leased(prefix: string): Promise<string[]> {
    const { kvs } = await this.#etcd.kv.range({ ...below(prefix), keys_only: true });
    return kvs.filter(({ lease }) => lease !== '0').map(({ key }) => key.toString());
  }

  /** A raw stream of the package, without its watcher; resolves once etcd has set the watch up. */
  async watch(prefix: string, from: number, onEvents: (response: IWatchResponse) => void): Promise<Disposable> {
    const stream = await this.#etcd.watchClient.watch();
    const request: IWatchRequest = { create_request: { ...below(prefix), start_revision: from } };
    await new Promise<void>((resolve, reject) => {
      stream.on('error', reject);
      stream.on('data', (response: IWatchResponse) => {
        if (response.created) resolve();
        if (response.events.length > 0) onEvents(response);
      });
      stream.write(request);
    });
    return { [Symbol.dispose]: () => stream.cancel() };
  }

  [Symbol.dispose](): void {
    this.#etcd.close();
  }
}

function below(prefix: string): { key: Buffer; range_end: Buffer } {
  const end = Buffer.from(prefix);
  end[end.length - 1]! += 1;
  return { key: Buffer.from(prefix), range_end: end };
}
