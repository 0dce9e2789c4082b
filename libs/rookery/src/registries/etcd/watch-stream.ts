import type { IResponseHeader, IWatchRequest, IWatchResponse } from 'etcd3';
import type { Time } from '../../core/time.js';
import type { EtcdClient, RawWatchStream } from './client.js';
import { WatchCanceled } from './faults.js';

/** etcd must have set up the watches within this time, ms: it is the only time limit of a connect, too. */
const CREATE_MS = 3000;
/** After a silence of this long we ask whether etcd is still there, ms. */
const IDLE_MS = 10_000;
/** How long it may take to answer that, ms. */
const PROBE_MS = 5000;

/** Several watches on one raw stream. Any fault throws, silence included; whoever reads it opens a new one. */
export class WatchStream {
  /** What etcd said before every watch was set up. */
  readonly #early: IWatchResponse[] = [];

  private constructor(
    private readonly client: EtcdClient,
    private readonly stream: RawWatchStream,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Tries other hosts where there are some, and once more where only the token was too old.
   * @returns the stream, and what etcd said of itself
   * @throws WatchCanceled, or what broke the stream
   */
  static async open(
    client: EtcdClient,
    time: Time,
    requests: readonly IWatchRequest[],
    signal: AbortSignal,
  ): Promise<{ watch: WatchStream; header: IResponseHeader | undefined }> {
    for (let left = client.hosts; ; left -= 1) {
      const watch = new WatchStream(client, await client.watch(), signal);
      try {
        return { watch, header: await watch.#create(requests, time) };
      } catch (error) {
        watch.close();
        const isElsewhere = left > 1 && !(error instanceof WatchCanceled);
        const isRenewed = left > 0 && client.failed(error, watch.stream);
        if (signal.aborted || !(isElsewhere || isRenewed)) throw error;
      }
    }
  }

  async #create(requests: readonly IWatchRequest[], time: Time): Promise<IResponseHeader | undefined> {
    const end = time.now() + CREATE_MS;
    for (const request of requests) this.stream.write(request);
    let header: IResponseHeader | undefined;
    for (let missing = requests.length; missing > 0 && !this.signal.aborted;) {
      const response = await this.stream.take(Math.max(0, end - time.now()), this.signal);
      if (response?.canceled) throw canceled(response);
      if (response?.created) missing -= 1;
      else if (response) this.#early.push(response);
      else if (!this.signal.aborted) this.#hung(`etcd did not set up a watch within ${CREATE_MS} ms`);
      header ??= response?.header;
    }
    return header;
  }

  /** Watches one more range. */
  add(request: IWatchRequest): void {
    this.stream.write(request);
  }

  /** The next answer that has events; nothing once the signal aborts. */
  async next(): Promise<IWatchResponse | undefined> {
    for (;;) {
      const response = this.#early.shift() ?? (await this.#take());
      if (!response) return undefined;
      if (response.canceled) throw this.#canceled(response);
      if (response.events.length > 0) return response;
    }
  }

  close(): void {
    this.stream.close();
  }

  async #take(): Promise<IWatchResponse | undefined> {
    const response = await this.stream.take(IDLE_MS, this.signal);
    if (response || this.signal.aborted) return response;
    this.stream.write({ progress_request: {} });
    const answer = await this.stream.take(PROBE_MS, this.signal);
    if (!answer && !this.signal.aborted) this.#hung(`etcd was silent for ${IDLE_MS + PROBE_MS} ms`);
    return answer;
  }

  /** Told here as well, since nobody opens a stream for a watch that runs. */
  #canceled(response: IWatchResponse): WatchCanceled {
    const error = canceled(response);
    this.client.failed(error, this.stream);
    return error;
  }

  #hung(fault: string): never {
    this.stream.abandon();
    throw new Error(fault);
  }
}

function canceled({ compact_revision, cancel_reason }: IWatchResponse): WatchCanceled {
  return new WatchCanceled(Number(compact_revision) > 0, cancel_reason);
}
