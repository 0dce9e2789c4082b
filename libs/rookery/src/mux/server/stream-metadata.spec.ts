import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { metadataOfStream } from './stream-metadata.js';

function stream(): Metadata {
  const metadata = new Metadata();
  metadata.set('user-agent', 'grpc');
  metadata.add('trace-bin', Buffer.from([1, 2]));
  return metadata;
}

describe('the metadata of a call that sent none', () => {
  it('is what its stream was opened with, for every method of Metadata', () => {
    const metadata = metadataOfStream(stream());
    expect(metadata).toBeInstanceOf(Metadata);
    expect(metadata.get('user-agent')).toEqual(['grpc']);
    expect(metadata.getMap()).toEqual(stream().getMap());
    expect(metadata.toJSON()).toEqual(stream().toJSON());
    expect(metadata.toHttp2Headers()).toEqual(stream().toHttp2Headers());
    expect(metadata.clone().toJSON()).toEqual(stream().toJSON());
    expect(metadata.getOptions()).toEqual({});
    const other = new Metadata();
    other.merge(metadata);
    expect(other.toJSON()).toEqual(stream().toJSON());
  });

  it('is its own: what a handler writes there reaches no other call', () => {
    const given = stream();
    const [one, another] = [metadataOfStream(given), metadataOfStream(given)];
    one.set('a', '1');
    one.add('user-agent', 'mine');
    one.remove('trace-bin');
    one.merge(given);
    one.setOptions({ waitForReady: true });
    one.setOpaque('x', 1);
    expect(one.getOpaque('x')).toBe(1);
    for (const metadata of [another, given]) expect(metadata.toJSON()).toEqual(stream().toJSON());
    expect(another.getOptions()).toEqual({});
  });
});
