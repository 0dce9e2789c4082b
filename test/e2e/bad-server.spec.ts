import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { RegisterService, rookeryGrpc } from 'rookery';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { probe } from '../apps/contracts.js';
import { controllerOf, refused, RefusalStage } from '../support/refusal-stage.js';

let stage: RefusalStage;
beforeEach(() => void (stage = new RefusalStage()));
afterEach(() => stage.close());

describe('a contract of which something is not implemented', () => {
  const unimplemented = () => stage.warnings.filter((text) => text.startsWith('ROOKERY_METHOD_UNIMPLEMENTED'));

  it('is told of once, and not of gRPC services that are none of the server', async () => {
    const module = stage.module({ controllers: [controllerOf(probe('probe'))] });
    const app = await stage.hybrid(module);
    for (let i = 0; i < 2; i += 1)
      app.connectMicroservice(rookeryGrpc({ service: probe('probe'), url: '127.0.0.1:0' }));
    await app.startAllMicroservices();
    await app.init();
    expect(unimplemented()).toEqual([
      expect.stringMatching(
        /^ROOKERY_METHOD_UNIMPLEMENTED at probe\.Probe\/Follow: the contract has it, and no controller/,
      ),
    ]);
  });

  it('is not told of where all of it is', async () => {
    await stage.listening();
    expect(unimplemented()).toEqual([]);
  });
});

describe('a bad server is refused', () => {
  it('without a decorated controller', async () => {
    const place = (url: string) => ({
      code: 'ROOKERY_SERVER_EMPTY',
      path: `rookeryGrpc(${url})`,
      remedy: /Decorate those that it serves, or set register: 'never'/,
    });
    await refused(() => stage.serve({ service: probe('probe') }, []), place('127.0.0.1:0'));
    @Controller()
    class Forgotten {
      @GrpcMethod('Probe', 'Ask')
      ask() {}
    }
    @Controller()
    class ForHttp {
      ask() {}
    }
    await refused(() => stage.serve({ service: probe('probe') }, [Forgotten, ForHttp]), {
      ...place('127.0.0.1:0'),
      remedy: /decorated with @RegisterService, though Forgotten has gRPC handlers\. Decorate/,
    });
  });

  it('whose controllers have misspelt what they handle, naming both sides', async () => {
    @Controller()
    @RegisterService()
    class Misspelt {
      @GrpcMethod('Probe', 'Askk')
      ask() {}
    }
    await refused(() => stage.serve({ service: probe('probe') }, [Misspelt]), {
      code: 'ROOKERY_SERVER_EMPTY',
      path: 'rookeryGrpc(127.0.0.1:0)',
      remedy: /Misspelt has Probe\/Askk; the contract has Probe\/Ask, Probe\/Follow, Other\/Ask\. Correct the names/,
    });
  });

  it('without a RookeryModule.forRoot()', async () => {
    const module = { module: class {}, controllers: [controllerOf()] };
    await refused(() => stage.micro({ service: probe('probe') }, module), {
      code: 'ROOKERY_MODULE_MISSING',
      path: 'rookeryGrpc',
      remedy: /Add RookeryModule\.forRoot\({ registry }\)/,
    });
  });

  it('with an asynchronous factory, whether that would succeed or fail', async () => {
    for (const useFactory of [async () => ({ service: probe('probe') }), () => Promise.reject(new Error('later'))]) {
      await refused(() => stage.serve({ useFactory: useFactory as never }), {
        code: 'ROOKERY_OPTIONS_ASYNC',
        path: 'rookeryGrpc.useFactory',
        remedy: /Return the options themselves.*`inject`/,
      });
    }
  });

  it('without a contract', async () => {
    await refused(() => stage.serve({ service: 'probe' }), {
      code: 'ROOKERY_CONTRACT_MISSING',
      path: 'rookeryGrpc',
      remedy: /Set `service: defineService/,
    });
  });

  it('where it cannot listen, naming the option or the variable', async () => {
    const url = 'no-such-host.invalid:0';
    const unbound = (path: string) => ({ code: 'ROOKERY_SERVER_UNBOUND', path, remedy: /Choose a free port/ });
    await refused(() => stage.serve({ service: probe('probe'), url }), unbound('rookeryGrpc.url'));
    vi.stubEnv('ROOKERY_BIND', url);
    await refused(() => stage.serve({ service: probe('probe') }), unbound('env ROOKERY_BIND'));
  });

  it.each(['127.0.0.1:99999', 'localhost'])('where %s is no address to listen on', async (url) => {
    const invalid = (path: string) => ({ code: 'ROOKERY_ADDRESS_INVALID', path, remedy: /Use host:port/ });
    await refused(() => stage.serve({ service: probe('probe'), url }), invalid('rookeryGrpc.url'));
    vi.stubEnv('ROOKERY_BIND', url);
    await refused(() => stage.serve({ service: probe('probe') }), invalid('env ROOKERY_BIND'));
  });

  it('whose service is neither a name nor a reference', async () => {
    for (const service of [{ name: 'probe' }, { name: 'probe', protoPth: 'x' }] as never[])
      await refused(() => stage.serve({ service }, [controllerOf(probe('probe'))]), {
        code: 'ROOKERY_OPTION_INVALID',
        path: 'rookeryGrpc.service',
        remedy: 'Pass a name, or what defineService() returned.',
      });
  });

  it.each([['probe'], ['other', probe('probe')]])('that waits for itself', async (...dependsOn) => {
    await refused(() => stage.serve({ service: probe('probe'), dependsOn }), {
      code: 'ROOKERY_OPTION_INVALID',
      path: `rookeryGrpc.dependsOn[${dependsOn.length - 1}]`,
      remedy: 'the server would wait for itself',
    });
  });

  it('where its port is taken', async () => {
    const { port } = await stage.serve({ service: probe('probe') });
    await refused(() => stage.serve({ service: probe('probe'), url: `127.0.0.1:${port}` }), {
      code: 'ROOKERY_SERVER_UNBOUND',
      path: 'rookeryGrpc.url',
      remedy: new RegExp(`127.0.0.1:${port}.*Another process listens there`),
    });
  });

  it.each(['registerWaitMs', 'registerTimeoutMs', 'stop.drainMs'])('with a negative %s', async (path) => {
    const options = path === 'stop.drainMs' ? { stop: { drainMs: -1 } } : { [path]: -1 };
    await refused(() => stage.serve({ service: probe('probe'), ...options }), {
      code: 'ROOKERY_OPTION_INVALID',
      path: `rookeryGrpc.${path}`,
      remedy: 'Use milliseconds, at least 0.',
    });
  });

  it('with an address that nobody can dial', async () => {
    await refused(() => stage.serve({ service: probe('probe'), advertise: '0.0.0.0:443' }), {
      code: 'ROOKERY_ADDRESS_INVALID',
      path: 'rookeryGrpc.advertise',
      remedy: 'Name a host',
    });
  });
});
