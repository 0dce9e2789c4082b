import { RookeryError, show } from '../../core/errors.js';
import { checkName } from '../../core/instance.js';
import { checkKeys } from '../../core/keys.js';
import { readContract, type Contract } from '../contract.js';
import { ASYNC_FEATURE_KEYS, FEATURE_KEYS } from '../option-keys.js';
import type { AsyncClientFeature, ClientFeature, ClientFeatureOptions, ClientSettings } from '../options.js';
import { isServiceRef, nameOf, protoPaths, type ServiceRef } from '../service-ref.js';

/** A client whose service and contract are known. */
export interface ResolvedFeature {
  /** The token. */
  readonly name: string;
  readonly service: string;
  readonly contract: Contract;
}

/** @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_CONTRACT_MISSING, and what reading the contract throws */
function resolveFeature(feature: ClientFeature | AsyncClientFeature, index: number): ResolvedFeature {
  const path = `forFeature[${index}]`;
  const options = optionsOf(feature, path);
  const service = checkName(nameOf(options.service), `${path}.service`);
  const contract = readContract(contractSource(options), path);
  if (!contract) {
    throw new RookeryError('ROOKERY_CONTRACT_MISSING', {
      path,
      found: `${JSON.stringify(service)} has no contract.`,
      remedy: 'Pass what defineService() returned, or add `package` and `protoPath`.',
    });
  }
  return { name: options.name ?? service, service, contract };
}

/** @throws {RookeryError} ROOKERY_OPTION_INVALID */
export function resolveFeatures(
  features: readonly (ClientFeature | AsyncClientFeature)[],
  method: string,
): ResolvedFeature[] {
  if (Array.isArray(features)) return features.map((feature, i) => resolveFeature(feature, i));
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: `RookeryModule.${method}`,
    found: `found ${show(features)}.`,
    remedy: `Pass a list: ${method}([Users]).`,
  });
}

export function settingsOf(feature: ClientFeature): ClientSettings {
  const {
    service: _s,
    name: _n,
    package: _p,
    protoPath: _pp,
    loader: _l,
    ...settings
  } = optionsOf(feature, 'forFeature') as ClientFeatureOptions;
  return settings;
}

type FeatureOptions = ClientFeatureOptions | AsyncClientFeature;

function optionsOf(feature: ClientFeature | AsyncClientFeature, path: string): FeatureOptions {
  if (typeof feature === 'object' && feature !== null) {
    if ('service' in feature) {
      checkKeys(feature, 'useFactory' in feature ? ASYNC_FEATURE_KEYS : FEATURE_KEYS, path);
      return feature;
    }
    if (isServiceRef(feature)) return { service: feature };
  }
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path,
    found: `found ${show(feature)}.`,
    remedy: 'Pass what defineService() returned, or { service, … }.',
  });
}

function contractSource({ service, package: packages, protoPath, loader }: FeatureOptions): ServiceRef {
  if (packages === undefined || protoPath === undefined)
    return typeof service === 'string' ? { name: service } : service;
  return { name: nameOf(service), package: packages, protoPath: protoPaths(protoPath), ...(loader && { loader }) };
}
