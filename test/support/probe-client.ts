import { ConsoleLogger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getServiceToken, RookeryModule, type AsyncClient, type CallOptions, type ClientFeatureOptions } from 'rookery';
import { expect } from 'vitest';
import { eventually } from 'rookery/testing';
import { probe, type Probe } from '../apps/contracts.js';

/** An application with an injected client of the probe. */
export interface ProbeClient extends AsyncDisposable {
  readonly probe: AsyncClient<Probe>;
  /** Calls one after the other; who answered how often, and which codes. */
  tally(n: number, options?: CallOptions): Promise<Record<string, number>>;
  /** Resolves when each of them has answered a call. */
  sees(names: readonly string[], options?: CallOptions): Promise<void>;
}

export async function startClient(
  registry: string | NonNullable<Parameters<typeof RookeryModule.forRoot>[0]>['registry'],
  feature: Partial<ClientFeatureOptions> = {},
  onWarning: (line: string) => void = () => {},
): Promise<ProbeClient> {
  const service = probe(typeof feature.service === 'string' ? feature.service : 'probe');
  @Module({
    imports: [
      RookeryModule.forRoot({ registry: registry! }),
      RookeryModule.forFeature([{ ...feature, service, name: 'under-test' }]),
    ],
  })
  class ClientModule {}
  const app = await NestFactory.createApplicationContext(ClientModule, {
    logger: warningsTo(onWarning),
    abortOnError: false,
  });
  const client: AsyncClient<Probe> = app.get(getServiceToken('under-test', 'Probe'));
  const tally = async (n: number, options?: CallOptions) => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < n; i += 1) {
      const name = await client.ask({}, options).then(
        (answer) => answer.name,
        (error: { code?: unknown }) => `error ${String(error.code)}`,
      );
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };
  return {
    probe: client,
    tally,
    async sees(names, options) {
      await eventually(async () =>
        expect(Object.keys(await tally(names.length * 6, options)).toSorted()).toEqual(names.toSorted()),
      );
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}

function warningsTo(onWarning: (line: string) => void): ConsoleLogger {
  class Warnings extends ConsoleLogger {
    override warn(message: unknown): void {
      onWarning(String(message));
    }
  }
  return new Warnings({ logLevels: ['warn', 'error'] });
}
