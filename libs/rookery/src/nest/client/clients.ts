import { Logger } from '@nestjs/common';
import { ChannelCredentials, Channel, credentials } from '@grpc/grpc-js';
import { BALANCING_KEYS, checkBalancing, mergeBalancing } from '../../core/balancing-options.js';
import { RookeryError } from '../../core/errors.js';
import { checkKeys } from '../../core/keys.js';
import { checkGroups } from '../../core/route.js';
import { directChannel, discoveryChannel, type ClientChannel } from '../../grpc/channel-options.js';
import { checkHealthCheck } from '../../grpc/health-option.js';
import { checkTls } from '../../grpc/server-name.js';
import type { ClientDefaults } from './client.js';
import type { ContractBook } from '../contract-book.js';
import type { ResolvedFeature } from './client-feature.js';
import { DiscoveryClient } from './discovery-client.js';
import { idempotentIn } from '../idempotent-methods.js';
import { SETTINGS_KEYS } from '../option-keys.js';
import type { MuxChannel } from '../../mux/client/mux-channel.js';
import { clientMux } from './client-mux.js';
import { checkMux, muxSettings } from '../mux-options.js';
import { checkMs } from '../../core/duration.js';
import { checkCompat, type ClientSettings } from '../options.js';
import type { RookeryRuntime } from '../runtime.js';

/** The clients of an application by name: however many modules ask for one, it is one. */
export class RookeryClients {
  readonly #clients = new Map<
    string,
    { readonly client: DiscoveryClient; readonly feature: ResolvedFeature; readonly settings: ClientSettings }
  >();

  readonly #logger = new Logger('Rookery');

  constructor(
    private readonly runtime: RookeryRuntime,
    private readonly contracts: ContractBook,
  ) {}

  /** @throws {RookeryError} ROOKERY_CLIENT_DUPLICATE, ROOKERY_CONTRACT_CONFLICT, and the code of the first wrong setting */
  get(feature: ResolvedFeature, settings: ClientSettings): DiscoveryClient {
    const place = `forFeature(${JSON.stringify(feature.name)})`;
    const known = this.#clients.get(feature.name);
    this.contracts.add(feature.service, feature.contract, place);
    if (known) {
      if (known.feature.service === feature.service && sameSettings(known.settings, settings)) return known.client;
      throw new RookeryError('ROOKERY_CLIENT_DUPLICATE', {
        path: place,
        found: 'another forFeature() has a client of this name with other options.',
        remedy: 'Give one of them another `name`.',
      });
    }
    const client = this.#open(feature, checkSettings(settings, place));
    this.#clients.set(feature.name, { client, feature, settings });
    return client;
  }

  close(): void {
    for (const { client } of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #open({ name: clientName, service, contract }: ResolvedFeature, settings: ClientSettings): DiscoveryClient {
    const target = settings.url ?? `discovery:///${service}`;
    const { credentials: channelCredentials = credentials.createInsecure(), healthCheck, tls } = settings;
    const idempotentMethods = idempotentIn(contract.definition);
    const mux = this.#muxOf(service, settings, channelCredentials);
    const channelFor = (defaults: ClientDefaults): ClientChannel => {
      const own = { channelOptions: settings.channelOptions, idempotentMethods, ...defaults, ...(tls && { tls }) };
      if (settings.url !== undefined) return directChannel(own);
      const { registry, directory, options, environment } = this.runtime;
      const { zone } = environment.instance;
      const all = {
        ...own,
        name: clientName,
        ...mergeBalancing(options, zone === undefined ? {} : { zone }, settings),
        emit: registry.events.emit,
        secure: channelCredentials._isSecure(),
        ...(healthCheck !== undefined && { healthCheck }),
      };
      return discoveryChannel(directory, all, mux);
    };
    const { group, compat } = settings;
    const timeoutMs = settings.timeoutMs ?? (compat === 'nest' ? 0 : undefined);
    const defaults: ClientDefaults = {
      ...(group !== undefined && { group }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    };
    const { callInvocationTransformer: _, interceptors: __, ...options } = channelFor(defaults).options;
    const channel = new Channel(target, channelCredentials, options);
    const captures = !settings.channelOptions?.callInvocationTransformer;
    const { name, capabilities } = this.runtime.registry;
    const found = settings.url ?? `looks in ${name}, seen by this ${capabilities.reach}`;
    this.#logger.log(`client of ${service}: ${found}`);
    return new DiscoveryClient({ service, target, contract, channel, channelFor, defaults, compat, captures, mux });
  }

  #muxOf(service: string, settings: ClientSettings, channelCredentials: ChannelCredentials): MuxChannel | undefined {
    const { compat, url, channelOptions } = settings;
    const wanted = muxSettings(this.runtime.options.mux, settings.mux);
    if (!wanted || compat === 'nest' || url !== undefined) return undefined;
    const { emit } = this.runtime.registry.events;
    const mux = clientMux(wanted, { credentials: channelCredentials, channelOptions, emit });
    if (!('off' in mux)) return mux;
    this.#logger.warn(`client of ${service}: mux is off, for it has ${mux.off}: calls go one by one`);
    return undefined;
  }
}

function checkSettings(settings: ClientSettings, place: string): ClientSettings {
  checkKeys(settings, SETTINGS_KEYS, place);
  checkBalancing(settings, place);
  if (settings.url !== undefined) checkDirect(settings, place);
  if (settings.group !== undefined) checkGroups(settings.group, `${place}.group`);
  if (settings.mux !== undefined) checkMux(settings.mux, `${place}.mux`);
  if (settings.compat !== undefined) checkCompat(settings.compat, `${place}.compat`);
  if (settings.timeoutMs !== undefined) checkMs(settings.timeoutMs, `${place}.timeoutMs`);
  if (settings.healthCheck !== undefined) checkHealthCheck(settings.healthCheck, `${place}.healthCheck`);
  if (settings.tls !== undefined) checkTls(settings.tls, `${place}.tls`, settings.url);
  if (settings.credentials === undefined || settings.credentials instanceof ChannelCredentials) return settings;
  throw new RookeryError('ROOKERY_GRPC_DUPLICATE', {
    path: `${place}.credentials`,
    found: 'the credentials were made by another copy of @grpc/grpc-js than the one that Rookery uses.',
    remedy: 'Keep one copy: run `npm ls @grpc/grpc-js`, align the versions, and run `npm dedupe`.',
  });
}

/** Beside a target of grpc-js's own nobody would read these, and a group would not be strict. */
function checkDirect(settings: ClientSettings, place: string): void {
  const key = [...Object.keys(BALANCING_KEYS), 'group', 'healthCheck', 'mux'].find(
    (name) => settings[name as keyof ClientSettings] !== undefined,
  );
  if (key === undefined) return;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: `${place}.${key}`,
    found: 'it means nothing beside `url`, which bypasses discovery.',
    remedy: `Leave out \`${key}\`, or \`url\`.`,
  });
}

/** Plain data by value; everything else, such as credentials and functions, only where it is the same object. */
function sameSettings(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Array.isArray(a) === Array.isArray(b) && [...keys].every((key) => sameSettings(a[key], b[key]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return (
    Array.isArray(value) ||
    (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)
  );
}
