import { Controller, type Type } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import {
  RegisterService,
  RookeryError,
  RookeryModule,
  type ClientFeature,
  type InstanceOptions,
  type RookeryModuleOptions,
  type ServiceRef,
} from 'rookery';
import { expect, vi } from 'vitest';
import { NestStage } from './nest-stage.js';

interface Refusal {
  readonly code: string;
  readonly path: string;
  readonly remedy: string | RegExp;
}

/** Whatever is refused says its code, where it is wrong and what to do, and is a RookeryError. */
export async function refused(fn: () => unknown, { code, path, remedy }: Refusal): Promise<void> {
  const error = await Promise.resolve()
    .then(fn)
    .then(
      () => expect.unreachable('it was accepted'),
      (reason: unknown) => reason,
    );
  expect(error).toBeInstanceOf(RookeryError);
  expect(error).toMatchObject({ code, path });
  const { message } = error as RookeryError;
  expect(message.startsWith(`${code} at ${path}: `), message).toBe(true);
  expect(message).toMatch(remedy);
}

/** Applications that are wrong. A refusal that leaves an error unhandled behind fails the spec. */
export class RefusalStage extends NestStage {
  readonly #unhandled: unknown[] = [];
  readonly #note = (error: unknown) => void this.#unhandled.push(error);

  constructor() {
    super();
    process.on('unhandledRejection', this.#note).on('uncaughtException', this.#note);
  }

  override async close(): Promise<void> {
    vi.unstubAllEnvs();
    await super.close();
    await new Promise((done) => setImmediate(done));
    process.off('unhandledRejection', this.#note).off('uncaughtException', this.#note);
    expect(this.#unhandled).toEqual([]);
  }

  /** A microservice of a good controller. */
  serve(options: Parameters<NestStage['micro']>[0], controllers = [controllerOf()]) {
    return this.listening(options, this.module({ controllers }));
  }

  root(options: RookeryModuleOptions) {
    return this.context(this.module({ root: options, controllers: [] }));
  }

  /** An application that names no registry, outside vitest, under these variables. */
  rootIn(env: NodeJS.ProcessEnv) {
    for (const name of ['VITEST', 'JEST_WORKER_ID', 'NODE_ENV', 'ROOKERY_REGISTRY']) vi.stubEnv(name, env[name] ?? '');
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    return this.root({ registry: undefined } as unknown as RookeryModuleOptions);
  }

  feature(...features: ClientFeature[]) {
    return this.client(RookeryModule.forFeature(features));
  }
}

/** A controller of the probe's first method, decorated as it is asked. */
export function controllerOf(service?: string | ServiceRef, instance?: InstanceOptions): Type {
  @Controller()
  @RegisterService(service as string, instance)
  class BadController {
    @GrpcMethod('Probe', 'Ask')
    ask() {
      return {};
    }
  }
  return BadController;
}
