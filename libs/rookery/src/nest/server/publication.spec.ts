import { describe, expect, it } from 'vitest';
import { Publication } from './publication.js';

const ended = (publication: Publication): Promise<unknown> =>
  publication.done().then(
    () => 'published',
    (error: unknown) => error,
  );

describe('Publication', () => {
  it('is done when it is published, though the registry has not accepted it yet', async () => {
    const publication = new Publication();
    const done = ended(publication);
    publication.published(new Promise(() => {}));
    expect(await done).toBe('published');
  });

  it('fails while the registry has not accepted it, and not after that', async () => {
    const [early, late] = [new Publication(), new Publication()];
    early.published(new Promise(() => {}));
    early.fail('stopped');
    const accepted = Promise.resolve();
    late.published(accepted);
    await accepted;
    late.fail('stopped');
    expect([await ended(early), await ended(late)]).toEqual(['stopped', 'published']);
  });

  it('keeps its first failure, whatever comes later', async () => {
    const publication = new Publication();
    publication.fail('first');
    publication.fail('second');
    publication.published(Promise.resolve());
    await Promise.resolve();
    expect(await ended(publication)).toBe('first');
  });

  it('minds no registration that is released before it was accepted', async () => {
    const publication = new Publication();
    publication.published(Promise.reject(new Error('released')));
    expect(await ended(publication)).toBe('published');
  });
});
