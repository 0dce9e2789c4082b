import { Logger, type LoggerService } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeTime } from '../../testing/fake-time.js';
import type { DecoratedController } from './controllers.js';
import { HostedServer } from './hosted-server.js';
import type { RookeryGrpcServer } from './rookery-grpc.server.js';
import { Wiring } from './wiring.js';

const warnings: string[] = [];
beforeEach(() => {
  warnings.length = 0;
  Logger.overrideLogger({
    log: () => {},
    error: () => {},
    warn: (text) => warnings.push(String(text)),
  } as LoggerService);
});
afterEach(() => {
  Logger.overrideLogger(true as never);
  vi.restoreAllMocks();
});

const serverAt = (url: string) => ({ settings: { url }, closing: false }) as RookeryGrpcServer;

function stage(...urls: string[]) {
  const time = fakeTime();
  const servers = new Map(urls.map((url) => [serverAt(url), new HostedServer(url, 'auto')]));
  const controllers = [{ name: 'Users', handlers: [] } as unknown as DecoratedController];
  return { time, servers, wiring: new Wiring(() => controllers, servers, time) };
}

describe('what is wired wrongly is said once', () => {
  it('of signals that nobody hears, however often something is registered', () => {
    vi.spyOn(process, 'listenerCount').mockReturnValue(0);
    const { wiring } = stage();
    wiring.expectSignals();
    wiring.expectSignals();
    expect(warnings).toEqual([expect.stringMatching(/^ROOKERY_SHUTDOWN_UNHEARD/)]);
  });

  it('of controllers that no server of ours serves', () => {
    const { wiring } = stage();
    wiring.warnOfStock();
    wiring.warnOfStock();
    expect(warnings).toEqual([expect.stringMatching(/^ROOKERY_SERVER_STOCK at Users/)]);
  });

  it('of an application that does not start, though several of its servers listen', () => {
    const { wiring, servers, time } = stage('a:1', 'b:2');
    for (const server of servers.keys()) wiring.expectBootstrap(server, () => false);
    time.advance(10_000);
    expect(warnings).toEqual([expect.stringMatching(/^ROOKERY_SERVER_IDLE: a gRPC server listens/)]);
  });

  it('of each server that nobody starts', () => {
    const { wiring, time } = stage('a:1', 'b:2');
    wiring.expectListening();
    wiring.expectListening();
    time.advance(10_000);
    expect(warnings).toEqual([
      expect.stringMatching(/^ROOKERY_SERVER_IDLE at a:1/),
      expect.stringMatching(/^ROOKERY_SERVER_IDLE at b:2/),
    ]);
  });
});
