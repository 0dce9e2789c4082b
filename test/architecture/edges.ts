/** What a folder of libs/rookery/src may import; anything else is a violation. */
export interface FolderRule {
  /** Other folders of libs/rookery/src. */
  readonly folders: readonly string[];
  /** Packages and built-in modules; `@scope/*` and `node:*` stand for all of them. */
  readonly packages: readonly string[];
  /** Packages that are named in types only, or loaded by `import()` when they are needed. */
  readonly lazy?: readonly string[];
  /** Single files of folders that are closed otherwise. */
  readonly files?: readonly string[];
}

/** The direction of the package: `core` knows nobody, `.` knows `nest`. The longest folder that holds a file is its own. */
export const EDGES: Readonly<Record<string, FolderRule>> = {
  core: { folders: [], packages: [] },
  system: { folders: ['core'], packages: ['node:crypto', 'node:os', 'node:perf_hooks'] },
  registries: {
    folders: [
      'core',
      'system',
      'registries/composite',
      'registries/dns',
      'registries/etcd',
      'registries/file',
      'registries/http',
      'registries/local',
      'registries/zookeeper',
    ],
    packages: ['node:events', 'node:http', 'node:https', 'node:path', 'node:perf_hooks', 'node:tls', 'node:url'],
  },
  'registries/composite': {
    folders: ['core', 'registries'],
    packages: [],
  },
  'registries/file': {
    folders: ['core', 'registries'],
    packages: ['node:fs/promises'],
  },
  'registries/dns': {
    folders: ['core', 'registries'],
    packages: ['dns-packet', 'node:crypto', 'node:dgram', 'node:dns', 'node:fs/promises', 'node:net'],
  },
  'registries/http': {
    folders: ['core', 'registries'],
    packages: ['node:http', 'node:https', 'node:util', 'node:zlib'],
  },
  'registries/local': {
    folders: ['core', 'system', 'registries'],
    packages: ['node:crypto', 'node:fs', 'node:fs/promises', 'node:os', 'node:path'],
  },
  'registries/entry': { folders: ['core', 'registries'], packages: [] },
  'registries/etcd': {
    folders: ['core', 'system', 'registries', 'registries/entry'],
    packages: ['node:crypto'],
    lazy: ['etcd3', '@grpc/grpc-js'],
  },
  'registries/zookeeper': {
    folders: ['core', 'system', 'registries', 'registries/entry'],
    packages: ['node:net', 'node:tls'],
  },
  grpc: {
    folders: ['core', 'snapshots', 'system'],
    packages: [
      '@grpc/grpc-js',
      '@grpc/proto-loader',
      'grpc-health-check',
      'node:async_hooks',
      'node:diagnostics_channel',
      'node:http2',
      'node:inspector',
      'node:net',
    ],
  },
  mux: {
    folders: ['core', 'grpc'],
    packages: ['@grpc/grpc-js', 'node:async_hooks', 'node:events'],
  },
  snapshots: {
    folders: ['core'],
    packages: ['node:crypto', 'node:fs/promises', 'node:path', 'node:timers/promises'],
    files: ['registries/local/folder.ts'],
  },
  nest: {
    folders: ['core', 'grpc', 'nest/client', 'nest/server', 'registries', 'snapshots', 'system'],
    packages: ['@grpc/grpc-js', '@grpc/proto-loader', '@nestjs/*', 'node:*', 'rxjs'],
  },
  'nest/client': {
    folders: ['core', 'grpc', 'mux', 'nest', 'system'],
    packages: ['@grpc/grpc-js', '@nestjs/*', 'node:*', 'rxjs'],
  },
  'nest/server': {
    folders: ['core', 'grpc', 'mux', 'nest', 'nest/server/handlers', 'system'],
    packages: ['@grpc/grpc-js', '@nestjs/*', 'grpc-health-check', 'node:*', 'reflect-metadata', 'rxjs'],
    lazy: ['@grpc/reflection'],
  },
  'nest/server/handlers': {
    folders: ['core', 'system'],
    packages: ['@grpc/grpc-js', '@nestjs/*', 'node:async_hooks', 'reflect-metadata', 'rxjs'],
    lazy: ['@grpc/proto-loader', 'node:http2'],
  },
  terminus: {
    folders: [],
    packages: ['@nestjs/common', '@nestjs/terminus'],
    files: ['nest/rookery.ts'],
  },
  testing: {
    folders: ['core', 'system'],
    packages: ['node:*'],
    files: ['nest/client/async-client.types.ts', 'nest/service-ref.ts', 'nest/tokens.ts', 'registries/change-queue.ts'],
  },
  '.': {
    folders: ['core', 'grpc', 'nest', 'nest/client', 'nest/server', 'nest/server/handlers', 'snapshots'],
    packages: [],
  },
};

/** What the specs beside the code may import on top of their folder's edges. */
export const SPEC_EDGES: FolderRule = {
  folders: ['core', 'system', 'registries', 'testing'],
  packages: ['vitest', 'fast-check', 'node:*', '@grpc/grpc-js', '@nestjs/*'],
};

/** What `core` must be given instead of taking it: time, chance, and whatever belongs to one platform. */
export const FORBIDDEN_IN_CORE: readonly string[] =
  'setTimeout setInterval setImmediate Date Math.random performance crypto AsyncLocalStorage process Buffer console'.split(
    ' ',
  );

export const MAX_LINES = 400;
export const P90_LINES = 200;
