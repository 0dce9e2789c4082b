import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { sendableMetadata, sendableText } from './sendable.js';

describe('the text of a status', () => {
  it.each([
    ['as it is', 'straße 😀\n', 'straße 😀\n'],
    ['without half an emoji', 'unknown name abcd\uD83D', 'unknown name abcd\uFFFD'],
    ['empty where there is none', undefined, ''],
    ['as JSON where it is no text', { a: 1 }, '{"a":1}'],
    ['empty where it is nothing at all', Symbol('a'), ''],
    ['empty where it has no JSON', 1n, ''],
  ])('is sent %s', (_, given, sent) => {
    expect(sendableText(given)).toBe(sent);
  });

  it.each([
    ['x', 6144],
    [' ', 2048],
    ['ü', 1024],
    ['😀', 512],
  ])('is cut at a character where 6 KiB end: %s', (character, fit) => {
    expect(sendableText(character.repeat(fit))).toBe(character.repeat(fit));
    const cut = sendableText(character.repeat(200_000));
    expect(cut).toMatch(new RegExp(`^(${character})+…$`, 'u'));
    expect(encodeURI(cut).length).toBeLessThanOrEqual(6144);
    expect(encodeURI(cut + character).length).toBeGreaterThan(6144);
  });
});

describe('metadata', () => {
  const metadataOf = (...entries: readonly (readonly [string, string | Buffer])[]) => {
    const metadata = new Metadata();
    for (const [name, value] of entries) metadata.add(name, value);
    return metadata;
  };
  const sent = (given: unknown) => {
    const { metadata, left } = sendableMetadata(given);
    return [metadata.toJSON(), left];
  };

  it('is sent as it is', () => {
    const metadata = metadataOf(['a', '1'], ['a', '2'], ['b-bin', Buffer.from('x')]);
    expect(sent(metadata)).toEqual([{ a: ['1', '2'], 'b-bin': [Buffer.from('x')] }, []]);
  });

  it('may be a plain object', () => {
    expect(sent({ A: 'b', n: 5, 'c-bin': Buffer.from('x'), d: ['1', '2'] })).toEqual([
      { a: ['b'], n: ['5'], 'c-bin': [Buffer.from('x')], d: ['1', '2'] },
      [],
    ]);
    for (const none of ['text', null, undefined]) expect(sent(none)).toEqual([{}, []]);
  });

  it('leaves out what HTTP/2 keeps for itself, what gRPC does not take, and second values where one may be', () => {
    const metadata = metadataOf(['connection', 'x'], ['te', 'gzip'], ['a:b', 'x'], ['date', '1'], ['date', '2']);
    expect(sent(metadata)).toEqual([{ date: ['1'] }, ['"connection"', '"te"', '"a:b"']]);
    expect(sent({ a: 'ü', b: 'b', 'c-bin': 'text' })).toEqual([{ b: ['b'] }, ['"a"', '"c-bin"']]);
  });

  it('leaves out what is larger than Node sends, and keeps what is behind it', () => {
    expect(sent(metadataOf(['large', 'x'.repeat(49_152)], ['small', 'x']))).toEqual([{ small: ['x'] }, ['"large"']]);
    expect(sent(metadataOf(['large-bin', Buffer.alloc(36_864)]))).toEqual([{}, ['"large-bin"']]);
  });
});
