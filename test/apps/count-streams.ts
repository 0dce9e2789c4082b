import http2 from 'node:http2';

/** Calls `onStream` for each stream of HTTP/2 that servers of this process take from now on, whatever it carries. */
export function onStreams(onStream: (path: string) => void): void {
  const { createServer } = http2;
  // grpc-js looks it up where it needs it.
  http2.createServer = ((...args: Parameters<typeof createServer>) => {
    const server = createServer(...args);
    server.on('stream', (_, headers) => onStream(String(headers[':path'])));
    return server;
  }) as typeof createServer;
}
