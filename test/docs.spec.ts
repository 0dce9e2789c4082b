import { readFileSync } from 'node:fs';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import { CALL_REASONS, ERROR_CODES, WHY } from 'rookery/core';
import { PEER_SERVICE, PEER_SERVICE_NAME } from 'rookery/grpc';
import { describe, expect, it } from 'vitest';
import {
  anchorsOf,
  brokenLinks,
  checkCopy,
  codeBlocks,
  readPage,
  readPages,
  regionOf,
  section,
  tableNames,
} from './docs/markdown.js';
import { dialectTable, generated, registryTable } from './docs/registry-tables.js';
import { exportsOf, membersOf, namesInCode } from './docs/source.js';

const pages = readPages();
const errors = readPage('docs/reference/errors.md');

describe('the reference of errors', () => {
  it.each([
    ['Codes of the set-up', ERROR_CODES],
    ['Reasons of failed calls', CALL_REASONS],
  ])(
    'has under "%s" exactly the codes of the source, each with its meaning, a message and what to do',
    (heading, codes) => {
      const text = section(errors, heading);
      expect([...text.matchAll(/^### (.+)$/gm)].map(([, code]) => code)).toEqual(Object.keys(codes));
      for (const [code, meaning] of Object.entries(codes)) {
        const [meant, message, remedy] = section(errors, code).split('```');
        expect(meant!.trim(), code).toBe(meaning);
        expect(message, code).toMatch(
          heading.startsWith('Codes') ? new RegExp(`^text\n${code}[: ]`) : /^text\n\d+ [A-Z_]+: /,
        );
        expect(remedy!.trim(), code).not.toBe('');
      }
    },
  );

  it('has no code that nothing in the source reports', () => {
    const used = namesInCode(/ROOKERY_[A-Z_]+/g);
    const declared = ['libs/rookery/src/core/errors.ts', 'libs/rookery/src/core/call.ts'];
    const unused = Object.keys({ ...ERROR_CODES, ...CALL_REASONS }).filter((code) =>
      (used.get(code) ?? []).every((file) => declared.includes(file)),
    );
    expect(unused).toEqual([]);
  });
});

describe('the reference of the environment', () => {
  it('has exactly the variables that the source reads', () => {
    const codes = { ...ERROR_CODES, ...CALL_REASONS, ROOKERY_OPTIONS: '' };
    const names =
      /\b(?:ROOKERY_[A-Z_]+|POD_IP|NODE_ENV|KUBERNETES_SERVICE_HOST|VITEST|JEST_WORKER_ID|XDG_RUNTIME_DIR)\b/g;
    const read = [...namesInCode(names).keys()].filter((name) => !Object.hasOwn(codes, name));
    expect(tableNames(readPage('docs/reference/environment.md').text).toSorted()).toEqual(read.toSorted());
  });
});

describe('the reference of events', () => {
  it('has exactly those that the source tells', () => {
    const { text } = readPage('docs/reference/api.md');
    const [, table = ''] = text.split('hears everything that Rookery logs');
    const told = [...(table.split('\n\n')[1] ?? '').matchAll(/`([a-z]+\.[a-z]+)`(?=[^|]*\| )/g)].map(
      ([, name = '']) => name,
    );
    const source = readFileSync('libs/rookery/src/core/event.ts', 'utf8');
    const types = [...source.matchAll(/type: '([a-z]+\.[a-z]+)'/g)].map(([, name = '']) => name);
    expect([...new Set(told)].toSorted()).toEqual([...new Set(types)].toSorted());
  });
});

describe('the reference of options', () => {
  it.each([
    ['options.md', 'RookeryModule.forRoot', 'RookeryModuleOptions'],
    ['options.md', 'rookeryGrpc', 'RookeryGrpcOptions'],
    ['options.md', 'cache', 'CacheOptions'],
    ['options.md', 'instance', 'InstanceOptions'],
    ['options.md', 'RookeryModule.forFeature', 'ClientFeatureOptions'],
    ['options.md', 'Options of a call', 'RookeryCallOptions'],
    ['registries.md', 'local', 'LocalOptions'],
    ['registries.md', 'static', 'StaticEntry', 'InstanceOptions'],
    ['registries.md', 'file', 'FileOptions'],
    ['registries.md', 'composite', 'CompositeOptions'],
    ['registries.md', 'dns', 'DnsOptions'],
    ['registries.md', 'http', 'HttpOptions'],
    ['registries.md', 'etcd', 'EtcdOptions'],
    ['registries.md', 'zookeeper', 'ZooKeeperOptions'],
  ])('has in %s under "%s" exactly the members of %s', (file, heading, name, elsewhere = '') => {
    const [own = ''] = section(readPage(`docs/reference/${file}`), heading).split(/^#+ /m);
    const options = tableNames(own.replace(/^\| option of .*$/m, ''));
    expect(options.toSorted()).toEqual(membersOf(name, elsewhere).toSorted());
  });
});

describe('the reference of registries', () => {
  const { text } = readPage('docs/reference/registries.md');

  it.each([
    ['registries', registryTable],
    ['dialects', dialectTable],
  ])('has the table of %s that the code says', async (name, table) => {
    expect(generated(text, name)).toBe(await table());
  });
});

describe('the guide to routes', () => {
  it('has exactly the reasons of explain', () => {
    const reasons = tableNames(section(readPage('docs/guides/routes.md'), 'Reasons'));
    expect(reasons).toEqual(Object.keys(WHY));
  });
});

describe('the reference of the packages', () => {
  it('names nothing that `rookery` does not export, and each type of an option that core exports', () => {
    const named = tableNames(section(readPage('docs/reference/api.md'), '`rookery`'));
    const exported = exportsOf('libs/rookery/src/index.ts');
    expect(named.filter((name) => !exported.has(name))).toEqual([]);
    const core = exportsOf('libs/rookery/src/core/index.ts');
    for (const name of ['EjectionOptions', 'Retry', 'RetryOptions', 'RetryBudgetOptions'])
      expect([name, named.includes(name), core.has(name)]).toEqual([name, true, true]);
  });
});

describe('docs/reference/peer.proto', () => {
  const { [PEER_SERVICE_NAME]: service } = loadSync('docs/reference/peer.proto', { defaults: true, arrays: true });
  const { Hello } = service as ServiceDefinition;

  it('is the protocol that the code speaks', () => {
    const outline = (definition: typeof Hello) => {
      const { path, requestStream, responseStream, requestType, responseType } = definition!;
      const types = [requestType, responseType].map(({ type }) => type as { name: string; field: object[] });
      return {
        path,
        requestStream,
        responseStream,
        types: types.map(({ name, field }) => ({ name, field: field.map(fieldOf) })),
      };
    };
    expect(Object.keys(PEER_SERVICE)).toEqual(Object.keys(service as ServiceDefinition));
    expect(outline(Hello)).toEqual(outline(PEER_SERVICE.Hello as unknown as typeof Hello));
  });

  it('reads what the code writes', () => {
    const services = [{ name: 'user-server', group: 'canary', id: 'a', generation: 'b' }];
    const mux = { version: 1, maxConcurrent: 16_384, maxRequestBytes: 8192 };
    const response = { version: 1, services, draining: true, mux };
    expect(Hello!.responseDeserialize(PEER_SERVICE.Hello.responseSerialize(response))).toEqual(response);
    expect(PEER_SERVICE.Hello.responseDeserialize(Hello!.responseSerialize(response) as Buffer)).toEqual(response);
  });
});

function fieldOf(field: object): object {
  const { name, number, type, label } = field as Record<string, unknown>;
  return { name, number, type, label };
}

describe('the documents', () => {
  it('link to what exists', () => {
    expect(pages.flatMap(brokenLinks)).toEqual([]);
  });

  it('copy code as it is', () => {
    expect(pages.flatMap((page) => codeBlocks(page).flatMap((block) => checkCopy(page, block)))).toEqual([]);
  });
});

describe('the checker of documents', () => {
  const page = (text: string) => ({ path: 'docs/x.md', text });
  const block = (info: string, code: string) => codeBlocks(page(`\`\`\`${info}\n${code}\n\`\`\``))[0]!;
  const source = 'const a = 1;\n  // #region part\n  const b = 2;\n    // deeper\n  // #endregion\n';
  const read = (path: string) => (path === 'a.ts' ? source : undefined);

  it('finds links to files and headings that are not there, and leaves code alone', () => {
    const text =
      '# A b\n[x](nothing.md) [y](#a-b) [z](#c)\n`[q](gone.md)`\n```\n[q](gone.md)\n```\n[w](https://example.com)';
    expect(brokenLinks(page(text))).toEqual([
      'docs/x.md:2: nothing.md does not exist',
      'docs/x.md:2: docs/x.md has no heading #c',
    ]);
    expect(anchorsOf(page('## What happens when …'))).toEqual(['what-happens-when-']);
  });

  it('finds a copy that is none', () => {
    expect(checkCopy(page(''), block('ts file=a.ts', source.trimEnd()), read)).toEqual([]);
    expect(checkCopy(page(''), block('ts file=a.ts#part', 'const b = 2;\n  // deeper'), read)).toEqual([]);
    expect(checkCopy(page(''), block('ts file=a.ts#part', 'const b = 3;'), read)).toEqual([
      'docs/x.md:1: differs from a.ts#part',
    ]);
    expect(checkCopy(page(''), block('ts file=a.ts#other', ''), read)[0]).toContain('has no region other');
    expect(checkCopy(page(''), block('ts file=b.ts', ''), read)).toEqual(['docs/x.md:1: b.ts does not exist']);
    expect(regionOf(source, 'part')).toBe('const b = 2;\n  // deeper');
  });
});
