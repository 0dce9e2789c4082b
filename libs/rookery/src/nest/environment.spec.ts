import { describe, expect, it } from 'vitest';
import { readEnvironment } from './environment.js';

const failing = (env: NodeJS.ProcessEnv): unknown => {
  try {
    return readEnvironment(env);
  } catch (error) {
    return error;
  }
};

describe('readEnvironment', () => {
  it('reads every variable', () => {
    const env = {
      ROOKERY_REGISTER: 'manual',
      ROOKERY_BIND: '0.0.0.0:50051',
      ROOKERY_ADVERTISE: 'user.local',
      POD_IP: '10.1.2.3',
      ROOKERY_GROUP: 'canary',
      ROOKERY_WEIGHT: '50',
      ROOKERY_ZONE: 'eu-1a',
      ROOKERY_VERSION: '1.2.3',
    };
    expect(readEnvironment(env)).toEqual({
      register: 'manual',
      bind: '0.0.0.0:50051',
      advertise: 'user.local',
      podIp: '10.1.2.3',
      instance: { group: 'canary', weight: 50, zone: 'eu-1a', version: '1.2.3' },
    });
  });

  it('takes empty and blank variables as unset', () => {
    expect(readEnvironment({ ROOKERY_REGISTER: '', ROOKERY_WEIGHT: '  ', ROOKERY_GROUP: '', POD_IP: ' ' })).toEqual({
      instance: {},
    });
  });

  it('keeps a weight of 0', () => {
    expect(readEnvironment({ ROOKERY_WEIGHT: '0' }).instance).toEqual({ weight: 0 });
  });

  it.each(['-1', '1.5', '10001', 'NaN', '1e3', '0x10', 'half'])(
    'refuses the weight %s and says where it stands',
    (weight) => {
      expect(failing({ ROOKERY_WEIGHT: weight })).toMatchObject({
        code: 'ROOKERY_WEIGHT_INVALID',
        path: 'env ROOKERY_WEIGHT',
        message: expect.stringMatching(
          /^ROOKERY_WEIGHT_INVALID at env ROOKERY_WEIGHT: found .*\. Use a whole number from 0 to 10000; [^:]*$/,
        ),
      });
    },
  );

  it('keeps the remedy whole where the value has a full stop', () => {
    expect(failing({ ROOKERY_GROUP: 'no. 1' })).toMatchObject({
      code: 'ROOKERY_NAME_INVALID',
      message:
        'ROOKERY_NAME_INVALID at env ROOKERY_GROUP: found "no. 1". Use 1 to 63 letters, digits, dots, underscores or hyphens, starting with a letter or digit.',
    });
  });

  it.each([
    ['ROOKERY_WIEGHT', 'ROOKERY_WEIGHT'],
    ['ROOKERY_GROUPS', 'ROOKERY_GROUP'],
    ['ROOKERY_TTL', 'ROOKERY_TTL_MS'],
  ])('refuses %s', (name, near) => {
    expect(failing({ [name]: '5' })).toMatchObject({
      message: `ROOKERY_OPTION_INVALID at env ${name}: there is no such variable. Did you mean ${near}?`,
    });
    expect(failing({ [name]: ' ' })).toEqual({ instance: {} });
  });

  it('lets those of others be, as Kubernetes sets them for services', () => {
    const names =
      'SEED HOST PORT PORT_50051_TCP SERVICE_HOST REGISTRY_PORT REGISTRY_SERVICE_HOST ZONE_SERVICE_PORT DSN';
    const env = Object.fromEntries(names.split(' ').map((name) => [`ROOKERY_${name}`, '1']));
    expect(failing({ ...env, ROOKERY_: '1', ROOKERY: '1' })).toEqual({ instance: {} });
  });

  it('refuses a register mode that does not exist', () => {
    expect(failing({ ROOKERY_REGISTER: 'off' })).toMatchObject({
      code: 'ROOKERY_OPTION_INVALID',
      message: `ROOKERY_OPTION_INVALID at env ROOKERY_REGISTER: found "off". Use 'auto', 'manual' or 'never'.`,
    });
  });
});
