import {
  ConfigurableModuleBuilder,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { RookeryError } from '../core/errors.js';
import { checkKeys } from '../core/keys.js';
import { within } from '../core/time.js';
import { expectOwnSignal } from '../system/signals.js';
import { systemTime } from '../system/time.js';
import { resolveFeatures, settingsOf, type ResolvedFeature } from './client/client-feature.js';
import { RookeryClients } from './client/clients.js';
import { ContractBook } from './contract-book.js';
import { findControllers } from './server/controllers.js';
import type { DiscoveryClient } from './client/discovery-client.js';
import { EventLog } from './event-log.js';
import { RookeryLifecycle } from './server/lifecycle.js';
import { RookeryLifecycleModule } from './server/lifecycle.module.js';
import { ASYNC_MODULE_KEYS } from './option-keys.js';
import type { AsyncClientFeature, ClientFeature, ClientSettings, RookeryModuleOptions } from './options.js';
import { Rookery } from './rookery.js';
import { openRuntime, type RookeryRuntime } from './runtime.js';
import { ServerFactory } from './server/server-factory.js';
import { getClientToken, getServiceToken, ROOKERY_OPTIONS } from './tokens.js';

/** The registry may take this long to close, ms. */
const CLOSE_MS = 2000;

const RUNTIME = Symbol('rookery/runtime');

const { ConfigurableModuleClass, ASYNC_OPTIONS_TYPE, OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<RookeryModuleOptions>({
    optionsInjectionToken: ROOKERY_OPTIONS,
  })
    .setClassMethodName('forRoot')
    .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({ ...definition, global: isGlobal }))
    .build();

/** Clients, directory and registry close last, when nothing of the user's can call any more. */
@Injectable()
class RookeryShutdown implements OnApplicationShutdown {
  readonly #log: Disposable;

  constructor(
    @Inject(RUNTIME) private readonly runtime: RookeryRuntime,
    @Inject(RookeryClients) private readonly clients: RookeryClients,
    @Inject(RookeryLifecycle) private readonly lifecycle: RookeryLifecycle,
  ) {
    this.#log = runtime.registry.events.on(new EventLog(runtime.registry.name).listen);
  }

  /** @param signal what Nest raises again once the application has ended, where it ends by a signal */
  async onApplicationShutdown(signal?: string): Promise<void> {
    this.clients.close();
    // A registry that hangs, or fails to say goodbye, must not keep the process.
    await within(systemTime, CLOSE_MS, this.runtime.close()).catch(() => undefined);
    if (signal) expectOwnSignal(signal);
    this.lifecycle[Symbol.dispose]();
    this.#log[Symbol.dispose]();
  }
}

const CONTROLLERS = Symbol('rookery/controllers');
const TAKES_CALLS = Symbol('rookery/takes-calls');

const providers: Provider[] = [
  {
    provide: RUNTIME,
    inject: [ROOKERY_OPTIONS],
    useFactory: (options: RookeryModuleOptions) => openRuntime(options, process.env),
  },
  {
    provide: CONTROLLERS,
    inject: [ModulesContainer],
    useFactory: (modules: ModulesContainer) => () => findControllers(modules),
  },
  ContractBook,
  {
    provide: TAKES_CALLS,
    inject: [ModulesContainer, HttpAdapterHost],
    useFactory:
      (...args: Parameters<typeof takesCalls>) =>
      () =>
        takesCalls(...args),
  },
  {
    provide: RookeryLifecycle,
    inject: [RUNTIME, CONTROLLERS, TAKES_CALLS],
    useFactory: (...args: ConstructorParameters<typeof RookeryLifecycle>) => new RookeryLifecycle(...args),
  },
  {
    provide: ServerFactory,
    inject: [RUNTIME, RookeryLifecycle, ContractBook, CONTROLLERS],
    useFactory: (...args: ConstructorParameters<typeof ServerFactory>) => new ServerFactory(...args),
  },
  {
    provide: RookeryClients,
    inject: [RUNTIME, ContractBook],
    useFactory: (...args: ConstructorParameters<typeof RookeryClients>) => new RookeryClients(...args),
  },
  {
    provide: Rookery,
    inject: [RUNTIME, RookeryLifecycle],
    useFactory: (...args: ConstructorParameters<typeof Rookery>) => new Rookery(...args),
  },
  RookeryShutdown,
];

/** Registration and discovery for an application: `forRoot` once, `forFeature` wherever clients are injected. */
@Module({})
export class RookeryModule extends ConfigurableModuleClass {
  /** Connects the application to a registry; see `RookeryModuleOptions` for what holds when nothing is said. */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return withProviders(super.forRoot(options));
  }

  /** As `forRoot`, with options from a factory or a class. */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    checkAsyncOptions(options);
    return withProviders(super.forRootAsync(options));
  }

  /**
   * Makes clients for `@InjectClient` and `@InjectService`.
   * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_CLIENT_DUPLICATE, ROOKERY_CONTRACT_MISSING, ROOKERY_PROTO_UNREADABLE
   */
  static forFeature(features: readonly ClientFeature[]): DynamicModule {
    const settings = (i: number) => ({ useFactory: () => settingsOf(features[i]!) });
    return clientModule(resolveFeatures(features, 'forFeature').map((feature, i) => [feature, settings(i)]));
  }

  /** As `forFeature`, with settings from factories; services and contracts are given beside them. */
  static forFeatureAsync(features: readonly AsyncClientFeature[]): DynamicModule {
    return clientModule(resolveFeatures(features, 'forFeatureAsync').map((feature, i) => [feature, features[i]!]));
  }
}

/** @throws {RookeryError} ROOKERY_OPTION_INVALID */
function checkAsyncOptions(options: typeof ASYNC_OPTIONS_TYPE): void {
  checkKeys(options, ASYNC_MODULE_KEYS, 'forRootAsync');
  if (options.useFactory ?? options.useClass ?? options.useExisting) return;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: 'forRootAsync',
    found: 'found neither `useFactory` nor `useClass` nor `useExisting`.',
    remedy: 'Pass one of them: forRootAsync({ inject: [ConfigService], useFactory: (config) => ({ … }) }).',
  });
}

function withProviders(definition: DynamicModule): DynamicModule {
  return {
    ...definition,
    imports: [...(definition.imports ?? []), RookeryLifecycleModule],
    providers: [...(definition.providers ?? []), ...providers],
    exports: [Rookery, RookeryLifecycle, ServerFactory, RookeryClients, ROOKERY_OPTIONS],
  };
}

type Settings = Pick<AsyncClientFeature, 'inject' | 'useFactory'>;

function clientModule(features: readonly (readonly [ResolvedFeature, Settings])[]): DynamicModule {
  const names = features.map(([{ name }]) => name);
  const again = names.findIndex((name, i) => names.indexOf(name) < i);
  if (again >= 0) throw namedTwice(names[again]!, again);
  const made = features.flatMap(([feature, settings]) => [
    clientProvider(feature, settings),
    ...serviceProviders(feature),
  ]);
  return {
    module: RookeryModule,
    providers: made,
    exports: made.map((provider) => (provider as { provide: string }).provide),
  };
}

function clientProvider(feature: ResolvedFeature, { inject = [], useFactory }: Settings): Provider {
  return {
    provide: getClientToken(feature.name),
    inject: [{ token: RookeryClients, optional: true }, ...inject],
    useFactory: async (clients: RookeryClients | undefined, ...dependencies: unknown[]) => {
      if (!clients) throw noRoot(feature);
      return clients.get(feature, (await useFactory(...dependencies)) as ClientSettings);
    },
  };
}

function serviceProviders({ name, contract }: ResolvedFeature): Provider[] {
  return contract.serviceNames.map((grpcService) => ({
    provide: getServiceToken(name, grpcService),
    inject: [getClientToken(name)],
    useFactory: (client: DiscoveryClient) => client.getAsyncService(grpcService) as object,
  }));
}

/** A context without HTTP and without a microservice, such as a script's, takes none. */
function takesCalls(modules: ModulesContainer, http: HttpAdapterHost): boolean {
  let microservice = false;
  modules
    .getRpcTargetRegistry()
    .subscribe(() => (microservice = true))
    .unsubscribe();
  return microservice || Boolean(http.httpAdapter);
}

function namedTwice(name: string, index: number): RookeryError {
  return new RookeryError('ROOKERY_CLIENT_DUPLICATE', {
    path: `forFeature[${index}]`,
    found: `the list has a client ${JSON.stringify(name)} before it.`,
    remedy: 'Give one of them another `name`.',
  });
}

function noRoot({ name }: ResolvedFeature): RookeryError {
  return new RookeryError('ROOKERY_MODULE_MISSING', {
    path: `forFeature(${JSON.stringify(name)})`,
    found: 'the application imports no RookeryModule.forRoot().',
    remedy: 'Add RookeryModule.forRoot({ registry }) to the imports of the root module.',
  });
}
