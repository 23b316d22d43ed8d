import Fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import { sendProblem } from '../../../src/api/problem.ts';
import { createRequestRate, limitRequests } from '../../../src/api/request-rate.ts';
import { setAsker } from '../../../src/api/who-asks.ts';

describe('a rate of requests', () => {
  test('lets a burst through, then as many as come back, and says how long to wait', () => {
    let now = 0;
    const take = createRequestRate({ perSecond: 2, burst: 3 }, { monotonicMs: () => now });
    expect([take('a'), take('a'), take('a'), take('a')]).toEqual([undefined, undefined, undefined, 1]);
    expect(take('b')).toBeUndefined();
    now = 500;
    expect([take('a'), take('a')]).toEqual([undefined, 1]);
    now = 3_600_000;
    expect([take('a'), take('a'), take('a'), take('a')]).toEqual([undefined, undefined, undefined, 1]);
  });

  test('counts an address apart from others, a /64 as one, and this machine not at all', async () => {
    const app = Fastify();
    app.setErrorHandler((error, _request, reply) => sendProblem(reply, error));
    const rate = limitRequests(app, { monotonicMs: () => 0 });
    app.addHook('onRequest', (request, _reply, done) => {
      setAsker(request, { kind: 'nobody', from: request.ip });
      done();
    });
    rate.afterLogIn();
    app.get('/', async () => 'fine');
    const ask = async (remoteAddress: string) => (await app.inject({ url: '/', remoteAddress })).statusCode;
    for (let count = 0; count < 2000; count++) await ask(`2001:db8::${count.toString(16)}`);
    const refused = await app.inject({ url: '/', remoteAddress: '2001:db8::ffff' });
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toMatchObject({ code: 'TOO_MANY' });
    expect(await ask('2001:db8:0:1::1')).toBe(200);
    for (let count = 0; count < 2001; count++) await ask('127.0.0.1');
    expect(await ask('127.0.0.1')).toBe(200);
    await app.close();
  });
});
