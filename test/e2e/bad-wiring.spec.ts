import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GrpcMethod, Transport } from '@nestjs/microservices';
import { Client } from '@grpc/grpc-js';
import { defineService, getClientToken, getServiceToken, RegisterService, RookeryClient, RookeryModule } from 'rookery';
import { channelOptions, createDirectory, PEER_SERVICE } from 'rookery/grpc';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { probe } from '../apps/contracts.js';
import { controllerOf, refused, RefusalStage } from '../support/refusal-stage.js';

let folder: string;
beforeAll(() => {
  // Where packages can still be found.
  mkdirSync('node_modules/.cache', { recursive: true });
  folder = mkdtempSync(resolve('node_modules/.cache/rookery-bad-wiring-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let stage: RefusalStage;
beforeEach(() => void (stage = new RefusalStage()));
afterEach(() => stage.close());

describe('a bad controller is refused', () => {
  it('without a gRPC handler', async () => {
    @Controller()
    @RegisterService('probe')
    class Empty {}
    const expected = {
      code: 'ROOKERY_CONTROLLER_EMPTY',
      path: '@RegisterService on Empty',
      remedy: 'Decorate its methods with @GrpcMethod',
    };
    await refused(() => stage.serve({ service: probe('probe') }, [Empty]), expected);
    const module = stage.module({ controllers: [Empty] }) as never;
    const stock = {
      transport: Transport.GRPC,
      options: { package: 'probe', protoPath: 'test/apps/proto/probe.proto', url: '127.0.0.1:0' },
      ...stage.options,
    } as const;
    await refused(async () => (await NestFactory.createMicroservice(module, stock)).listen(), expected);
  });

  it('that is decorated twice', async () => {
    await refused(() => RegisterService()(controllerOf()), {
      code: 'ROOKERY_CONTROLLER_DUPLICATE',
      path: '@RegisterService on BadController',
      remedy: 'Keep one',
    });
  });

  it('that differs from another one of its service', async () => {
    const controllers = [controllerOf('probe', { weight: 1 }), controllerOf('probe', { weight: 2 })];
    await refused(() => stage.serve({ service: probe('probe') }, controllers), {
      code: 'ROOKERY_CONTROLLER_CONFLICT',
      path: '@RegisterService on BadController',
      remedy: /{"weight":1}.*{"weight":2}.*say it once in the option `instance`/,
    });
  });

  it('that nobody names', async () => {
    const { package: packages, protoPath } = probe('probe') as { package: string; protoPath: string };
    await refused(() => stage.serve({ package: packages, protoPath }), {
      code: 'ROOKERY_SERVICE_UNNAMED',
      path: '@RegisterService on BadController',
      remedy: /@RegisterService\('user-server'\)/,
    });
  });

  it('with a warning, where a stock server serves it', async () => {
    const module = stage.module({ controllers: [controllerOf('probe')] }) as never;
    const options = { package: 'probe', protoPath: 'test/apps/proto/probe.proto', url: '127.0.0.1:0' };
    const app = await NestFactory.createMicroservice(module, { transport: Transport.GRPC, options, ...stage.options });
    await app.listen();
    await app.close();
    expect(stage.warnings).toEqual([
      expect.stringMatching(/^ROOKERY_SERVER_STOCK at BadController: .*nothing is registered\. Pass rookeryGrpc\(/),
    ]);
  });

  it('with a warning, where a hybrid application has no server for it at all', async () => {
    const app = await stage.hybrid(stage.module({ controllers: [controllerOf('probe')] }));
    await app.init();
    expect(stage.warnings).toEqual([expect.stringContaining('ROOKERY_SERVER_STOCK at BadController')]);
  });

  it('with a warning, where no server has its contract', async () => {
    @Controller()
    @RegisterService('elsewhere')
    class Unserved {
      @GrpcMethod('Elsewhere', 'Ask')
      ask() {}
    }
    await stage.serve({ service: probe('probe') }, [controllerOf(), Unserved]);
    expect(stage.warnings).toContainEqual(
      expect.stringMatching(
        /^ROOKERY_CONTROLLER_UNSERVED at Unserved \(Elsewhere\/Ask\): .*add the contract to a server/,
      ),
    );
  });
});

describe('a bad contract is refused', () => {
  const broken = () => {
    writeFileSync(join(folder, 'broken.proto'), 'syntax = "proto3"; service {');
    return join(folder, 'broken.proto');
  };

  it.each<[string, string, () => string, RegExp]>([
    [
      'a .proto file that does not exist',
      'protoPath',
      () => 'no/such.proto',
      /no\/such\.proto does not exist\. Check the path, and that the build copies/,
    ],
    ['a .proto file with an error', 'protoPath', broken, /broken\.proto.*Correct the \.proto file/],
    [
      'a package that is not in it',
      'package',
      () => 'test/apps/proto/probe.proto',
      /services there: probe\.Probe.*Use the name behind `package`/,
    ],
  ])('%s, by servers, decorators and clients', async (_, option, protoPath, remedy) => {
    const ref = defineService({ name: 'user-server', package: 'nobody', protoPath: protoPath() });
    const code = option === 'package' ? 'ROOKERY_CONTRACT_INVALID' : 'ROOKERY_PROTO_UNREADABLE';
    await refused(() => stage.serve({ service: ref }), { code, path: `service user-server.${option}`, remedy });
    await refused(() => stage.serve({}, [controllerOf(ref)]), { code, path: `service user-server.${option}`, remedy });
    await refused(() => stage.serve({ service: 'user-server', package: 'nobody', protoPath: protoPath() }), {
      code,
      path: `rookeryGrpc.${option}`,
      remedy,
    });
    await refused(() => stage.feature(ref), { code, path: `forFeature[0].${option}`, remedy });
  });

  it('where one service has two', async () => {
    const other = defineService({ name: 'probe', package: 'user', protoPath: 'sample/01-hello/proto/user.proto' });
    const conflict = (path: string) => ({
      code: 'ROOKERY_CONTRACT_CONFLICT',
      path,
      remedy: 'Define the service once with defineService()',
    });
    await refused(
      () => stage.feature(probe('probe'), { service: other, name: 'other' }),
      conflict('forFeature("other")'),
    );
    await refused(() => stage.serve({ service: probe('probe') }, [controllerOf(other)]), conflict('server of probe'));
    const module = stage.module({ imports: [RookeryModule.forFeature([other])], controllers: [controllerOf()] });
    await refused(() => stage.micro({ service: probe('probe') }, module), conflict('server of probe'));
  });
});

describe('a bad client is refused', () => {
  it('without a contract, or without anything', async () => {
    await refused(() => stage.feature({ service: 'probe' }), {
      code: 'ROOKERY_CONTRACT_MISSING',
      path: 'forFeature[0]',
      remedy: 'add `package` and `protoPath`',
    });
    await refused(() => stage.feature(probe('probe'), 'probe' as never), {
      code: 'ROOKERY_OPTION_INVALID',
      path: 'forFeature[1]',
      remedy: 'Pass what defineService() returned',
    });
    await refused(() => stage.feature({ service: undefined as never }), {
      code: 'ROOKERY_NAME_INVALID',
      path: 'forFeature[0].service',
      remedy: 'Use 1 to 63',
    });
  });

  it('without a RookeryModule.forRoot()', async () => {
    const module = { module: class {}, imports: [RookeryModule.forFeature([probe('probe')])] };
    await refused(() => stage.context(module), {
      code: 'ROOKERY_MODULE_MISSING',
      path: 'forFeature("probe")',
      remedy: /Add RookeryModule\.forRoot\({ registry }\)/,
    });
  });

  it('with a negative timeout, of the client or of a call', async () => {
    const invalid = (path: string) => ({ code: 'ROOKERY_OPTION_INVALID', path, remedy: /Use milliseconds/ });
    await refused(
      () => stage.feature({ service: probe('probe'), timeoutMs: -1 }),
      invalid('forFeature("probe").timeoutMs'),
    );
    const app = await stage.feature(probe('probe'));
    const service = app.get(getServiceToken('probe', 'Probe'));
    await refused(
      () => service.ask({}, { timeoutMs: -1 }),
      invalid('call of probe (probe.Probe/Ask), options.timeoutMs'),
    );
    await refused(
      () => service.follow({}, { timeoutMs: Number.NaN })[Symbol.asyncIterator]().next(),
      invalid('call of probe (probe.Probe/Follow), options.timeoutMs'),
    );
    await refused(
      () => app.get<RookeryClient>(getClientToken('probe')).with({ timeoutMs: -1 }),
      invalid('client of probe, with.timeoutMs'),
    );
  });

  it('that is asked for a gRPC service which it has not', async () => {
    const client = (await stage.feature(probe('probe'))).get<RookeryClient>(getClientToken('probe'));
    await refused(() => client.getAsyncService('Users'), {
      code: 'ROOKERY_CLIENT_UNKNOWN',
      path: 'client of probe',
      remedy: 'It has: Probe, Other.',
    });
  });

  it('with the name of another one', async () => {
    const duplicate = (path: string) => ({
      code: 'ROOKERY_CLIENT_DUPLICATE',
      path,
      remedy: 'Give one of them another `name`.',
    });
    const other = { service: probe('probe'), group: 'a' };
    await refused(() => stage.feature(probe('probe'), other), duplicate('forFeature[1]'));
    await refused(
      () => stage.client(RookeryModule.forFeature([probe('probe')]), RookeryModule.forFeature([other])),
      duplicate('forFeature("probe")'),
    );
  });
});

describe('a second copy of grpc-js is found out', () => {
  let other: typeof import('@grpc/grpc-js');
  const duplicate = (path: string) => ({
    code: 'ROOKERY_GRPC_DUPLICATE',
    path,
    remedy: /run `npm ls @grpc\/grpc-js`, align the versions, and run `npm dedupe`/,
  });

  beforeAll(() => {
    const copy = join(folder, 'node_modules/@grpc/grpc-js');
    cpSync('node_modules/@grpc/grpc-js', copy, { recursive: true });
    other = createRequire(join(folder, 'program.js'))('@grpc/grpc-js') as typeof other;
    expect(other.Client).not.toBe(Client);
  });

  it('by a call of its client class, which would say that a DNS name is wrong', async () => {
    const directory = createDirectory(stage.registry);
    const OtherClient = other.makeGenericClientConstructor(PEER_SERVICE as never, 'Peer');
    const client = new OtherClient(
      'discovery:///probe',
      other.credentials.createInsecure(),
      channelOptions(directory) as never,
    );
    await refused(
      () =>
        new Promise((done, fail) => client['Hello']!({}, (error: unknown) => (error ? fail(error as Error) : done(0)))),
      duplicate('@grpc/grpc-js'),
    );
    client.close();
    await directory[Symbol.asyncDispose]();
  });

  it('by its credentials, of clients and of servers', async () => {
    await refused(
      () => stage.feature({ service: probe('probe'), credentials: other.credentials.createInsecure() }),
      duplicate('forFeature("probe").credentials'),
    );
    await refused(
      () => stage.serve({ service: probe('probe'), credentials: other.ServerCredentials.createInsecure() }),
      duplicate('rookeryGrpc.credentials'),
    );
  });
});
