import { createServer } from 'node:http';
import { connect } from 'node:net';
import Fastify, { type FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { callerOf, setAsker, whereFrom, whoAsks } from '../../../src/api/who-asks.ts';

describe('who asks', () => {
  it('is never taken from a header, and is a mistake where no server said it', async () => {
    const app = Fastify();
    const seen: string[] = [];
    app.get('/', (request) => {
      for (const read of [whoAsks, whereFrom, callerOf]) expect(() => read(request)).toThrow('nobody said who');
      setAsker(request, { kind: 'nobody', from: '198.51.100.1' });
      seen.push(whoAsks(request), whereFrom(request));
      return {};
    });
    await app.inject({
      url: '/',
      headers: { 'x-tollgate-user': 'root', 'x-tollgate-login': '192.0.2.1 1 10.0.0.1 22' },
    });
    expect(seen).toEqual(['nobody', '198.51.100.1']);
    await app.close();
  });

  it('does not come from the control socket because his connection is gone', async () => {
    const seen: [string, ReturnType<typeof callerOf>][] = [];
    const told = new Promise<void>((resolve) => {
      const app = Fastify({ serverFactory: (handler) => createServer(handler) });
      app.post('/', async (request: FastifyRequest) => {
        setAsker(request, { kind: 'key', id: '1', name: 'k', permissions: new Set(), from: '127.0.0.1' });
        request.raw.socket.destroy();
        await new Promise((gone) => setTimeout(gone, 20));
        expect(request.socket.remoteAddress).toBeUndefined();
        seen.push([whereFrom(request), callerOf(request)]);
        void app.close().then(() => resolve());
        return {};
      });
      void app.listen({ port: 0, host: '127.0.0.1' }).then(() => {
        const address = app.server.address();
        const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
      });
    });
    await told;
    expect(seen).toEqual([['127.0.0.1', { address: '127.0.0.1', connection: undefined, openedAt: undefined }]]);
  });
});
