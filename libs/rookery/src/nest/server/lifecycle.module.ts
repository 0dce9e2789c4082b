import { Inject, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { RookeryError } from '../../core/errors.js';
import { RookeryLifecycle } from './lifecycle.js';

/**
 * Hears the hooks of Nest in the right order: bootstrap after, and destruction before, those of every other module.
 * Nest sorts modules by their distance from the root and gives global ones the greatest, which would be the wrong way
 * round; so this module is not global and sets its own. Without that, a server still deregisters when Nest closes it.
 */
@Module({})
export class RookeryLifecycleModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    const all = [...modules.values()];
    for (const module of all) if (module.metatype === RookeryLifecycleModule) module.distance = -1;
    if (all.filter((module) => module.providers.has(RookeryLifecycle)).length > 1) throw duplicate();
  }

  onApplicationBootstrap(): Promise<void> {
    return this.#lifecycle().bootstrapped();
  }

  onModuleDestroy(): Promise<void> {
    return this.#lifecycle().stopAll();
  }

  /** Looked up, since a forRoot that is not global is no import of this module. */
  #lifecycle(): RookeryLifecycle {
    return this.moduleRef.get(RookeryLifecycle, { strict: false });
  }
}

function duplicate(): RookeryError {
  return new RookeryError('ROOKERY_MODULE_DUPLICATE', {
    path: 'RookeryModule.forRoot',
    found: 'the application imports it more than once.',
    remedy: 'Call forRoot() in the root module only; every other module uses forFeature().',
  });
}
