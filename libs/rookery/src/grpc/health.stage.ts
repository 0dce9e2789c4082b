import type { Server, ServerWritableStream, UntypedHandleCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { HealthImplementation, type ServingStatus, type ServingStatusMap } from 'grpc-health-check';

type Watch = ServerWritableStream<{ service: string }, object>;

/** The health service of a server, in the hands of a spec. */
export interface StagedHealth {
  addTo(server: Server): void;
  set(name: string, status: ServingStatus): void;
  /** Names that were asked about, in order. */
  readonly asked: string[];
  /** Streams of those who watch now. */
  open(): number;
  /** Answers those whom it has taken in silence. */
  answer(): void;
  /** Ends them, with OK or an error. */
  end(error?: { readonly code: number; readonly details: string }): void;
}

export interface StagedHealthOptions {
  /** What it sends in place of every answer. */
  readonly bytes?: Buffer;
  /** It takes watches, and says nothing before `answer`. */
  readonly silent?: boolean;
}

export function stagedHealth(statuses: ServingStatusMap, { bytes, silent }: StagedHealthOptions = {}): StagedHealth {
  const health = new HealthImplementation(statuses);
  const asked: string[] = [];
  const open = new Set<Watch>();
  const unanswered: (() => void)[] = [];
  const tracked =
    (watch: (call: Watch) => void): UntypedHandleCall =>
    (call: Watch) => {
      asked.push(call.request.service);
      open.add(call);
      for (const event of ['cancelled', 'finish', 'error']) call.on(event, () => open.delete(call));
      if (silent) unanswered.push(() => watch(call));
      else watch(call);
    };
  return {
    asked,
    open: () => open.size,
    set: (name, status) => health.setStatus(name, status),
    answer: () => {
      for (const answer of unanswered.splice(0)) answer();
    },
    end: (error) => {
      for (const call of open) {
        if (error) call.emit('error', error);
        else call.end();
      }
    },
    addTo: (server) =>
      health.addToServer({
        addService: ({ Watch, ...others }, methods) => {
          const answer = bytes ? { responseSerialize: () => bytes } : {};
          const implementation = { ...methods, watch: tracked(methods['watch'] as (call: Watch) => void) };
          server.addService(
            { ...others, Watch: { ...Watch!, ...answer } } as Parameters<Server['addService']>[0],
            implementation as UntypedServiceImplementation,
          );
        },
      }),
  };
}
