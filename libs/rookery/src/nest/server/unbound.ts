import { messageOf, RookeryError } from '../../core/errors.js';

/** @param path of the option or the variable that says where to listen */
export function unbound(url: string, cause: unknown, path: string): RookeryError {
  // What grpc-js says spans lines.
  const text = messageOf(cause).replaceAll(/\s+/g, ' ');
  return new RookeryError('ROOKERY_SERVER_UNBOUND', {
    path,
    found: `${url}: ${text}.`,
    remedy: text.includes('EADDRINUSE')
      ? 'Another process listens there: stop it, or choose another port (port 0 takes a free one).'
      : 'Choose a free port (port 0 takes any) and an address of this machine.',
    cause,
  });
}
