/** The web port on real sockets: what strangers may cost, who they are, what is protected, and what is not there at all. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  startWebServer,
  type WebLimits,
  type WebRoutes,
  type WebServer,
  type WebSettings,
} from '../../src/api/web-server.ts';
import { startTestDaemon } from '../support/daemon.ts';
import { startRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Says who asked and what came; fails on demand. */
const echo: WebRoutes = (app) => {
  app.get('/who', (request) => ({ ip: request.ip, host: request.hostname, protocol: request.protocol }));
  app.post('/body', (request) => ({ bytes: JSON.stringify(request.body).length }));
  app.get('/fails', () => {
    throw new TypeError('secret of this machine');
  });
  return Promise.resolve();
};

async function serve(
  options: {
    readonly settings?: Partial<WebSettings>;
    readonly limits?: Partial<WebLimits>;
    readonly missing?: string[];
  } = {},
): Promise<WebServer & { readonly url: string; readonly log: ReturnType<typeof keptLog>['lines'] }> {
  const { log, lines } = keptLog();
  const listen = { host: '127.0.0.1', port: 0 };
  const server = await startWebServer(
    {
      settings: { listen, trustedProxies: [], ...options.settings },
      missing: () => options.missing ?? [],
      log,
      limits: { closeMs: 100, ...options.limits },
    },
    [echo],
  );
  closers.push(() => server.close());
  return { ...server, url: `http://127.0.0.1:${server.address.port}`, log: lines };
}

/** Sends bytes and reads until the server closes. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = await dial(port);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}
async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  closers.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}
const statusOf = (answer: string): string => answer.split('\r\n')[0] ?? '';

describe('health', () => {
  test('is alive in any case, and ready only if nothing is missing', async () => {
    const well = await serve();
    expect((await fetch(`${well.url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${well.url}/readyz`)).json()).toEqual({ ready: true, missing: [] });
    const ill = await serve({ missing: ['the store'] });
    expect((await fetch(`${ill.url}/healthz`)).status).toBe(200);
    const answer = await fetch(`${ill.url}/readyz`);
    expect([answer.status, await answer.json()]).toEqual([503, { ready: false, missing: ['the store'] }]);
  });

  test('of a daemon says that the store is away, and that it is back', async () => {
    const store = await startRedis();
    const tollgate = await startTestDaemon({ env: { TOLLGATE_REDIS__URL: store.socketPath } });
    const ready = async (): Promise<number> => (await fetch(`http://127.0.0.1:${tollgate.webPort}/readyz`)).status;
    const until = async (status: number): Promise<void> => {
      for (let tries = 0; (await ready()) !== status; tries++) {
        if (tries > 200) throw new Error(`never ${status}`);
        await sleep(50);
      }
    };
    try {
      expect(await ready()).toBe(200);
      const { out } = await tollgate.run(['status']);
      expect(out).toMatch(new RegExp(`HTTP +up .* 127\\.0\\.0\\.1:${tollgate.webPort}, links lead to http://`));
      process.kill(store.pid, 'SIGSTOP');
      await until(503);
      expect((await fetch(`http://127.0.0.1:${tollgate.webPort}/healthz`)).status).toBe(200);
      process.kill(store.pid, 'SIGCONT');
      await until(200);
    } finally {
      process.kill(store.pid, 'SIGCONT');
      await tollgate.stop();
      await store.stop();
    }
  });
});

describe('without a log-in', () => {
  test('nothing of the API can be reached: every path asks for a log-in, by any method', async () => {
    const folder = join(import.meta.dirname, '../../src/api');
    const sources = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')));
    const paths = new Set(
      sources.flatMap((text) => [...text.matchAll(/['`](\/api\/[^'`?]*)/g)].map(([, path = '']) => path)),
    );
    expect(paths.size).toBeGreaterThan(20);
    const tollgate = await startTestDaemon();
    closers.push(() => tollgate.stop());
    for (const path of [...paths, '/nowhere', '/a', '/api']) {
      const asked = path.replace(/\$\{[^}]*\}/g, 'approve').replace(/:\w+/g, 'x');
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        const answer = await fetch(`http://127.0.0.1:${tollgate.webPort}${asked}`, { method });
        // The log-in itself says that nothing was sent.
        const isLogIn = method === 'POST' && asked === '/api/v1/session';
        const isForAll =
          ['GET', 'HEAD'].includes(method) && ['/api/v1/openapi.json', '/api/v1/branding'].includes(asked);
        const expected = isLogIn ? [400] : isForAll ? [200] : [401, 404, 405];
        expect([method, asked, expected.includes(answer.status)]).toEqual([method, asked, true]);
      }
    }
  });

  test('what is not there is a problem with a code', async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/nowhere?x=<b>`);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await answer.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  test('a failure inside says nothing of the machine to a stranger, and everything to the log', async () => {
    const { url, log } = await serve();
    const answer = await fetch(`${url}/fails`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain('secret');
    expect(JSON.stringify(log)).toContain('secret of this machine');
  });
});

describe('every answer', () => {
  test('forbids frames, sniffing, referrers, caches and anything loaded, also where nothing was routed', async () => {
    const { url, address } = await serve();
    const answers = await Promise.all(['/healthz', '/nowhere', '/fails', '/%zz'].map((path) => fetch(url + path)));
    for (const { headers } of answers) {
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('strict-transport-security')).toBeNull();
      expect(headers.get('server')).toBeNull();
    }
    expect(address.port).toBeGreaterThan(0);
  });
});

describe('whose request it is', () => {
  const ask = async (
    settings: Partial<WebSettings>,
    headers: Record<string, string>,
  ): Promise<Record<string, string>> =>
    (await (await fetch(`${(await serve({ settings })).url}/who`, { headers })).json()) as Record<string, string>;

  test('no header moves the address of a client who comes by himself', async () => {
    const spoofed = { 'x-forwarded-for': '198.51.100.1', 'x-real-ip': '198.51.100.1', forwarded: 'for=198.51.100.1' };
    expect((await ask({}, spoofed))['ip']).toBe('127.0.0.1');
    expect((await ask({ trustedProxies: ['10.0.0.0/8'] }, spoofed))['ip']).toBe('127.0.0.1');
  });

  test('behind a trusted proxy it is what that proxy wrote, and not what the client wrote before', async () => {
    const settings = { trustedProxies: ['127.0.0.1'] };
    expect((await ask(settings, { 'x-forwarded-for': '1.2.3.4, 198.51.100.1' }))['ip']).toBe('198.51.100.1');
  });

  test('a forwarded host or protocol is believed by nobody', async () => {
    const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    expect(await ask({ trustedProxies: ['127.0.0.1'] }, headers)).toMatchObject({
      host: '127.0.0.1',
      protocol: 'http',
    });
  });
});

describe('a stranger is bounded', () => {
  test('in the body, in the headers, and in what is no HTTP', async () => {
    const { url, address } = await serve({ limits: { bodyBytes: 1000, headerBytes: 2000 } });
    const post = (bytes: number): Promise<Response> =>
      fetch(`${url}/body`, {
        method: 'POST',
        body: JSON.stringify('x'.repeat(bytes)),
        headers: { 'content-type': 'application/json' },
      });
    expect((await post(900)).status).toBe(200);
    const tooLarge = await post(1000);
    expect([tooLarge.status, await tooLarge.json()]).toMatchObject([413, { code: 'INVALID_REQUEST' }]);
    expect(statusOf(await raw(address.port, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(2000)}\r\n\r\n`))).toContain(
      '431',
    );
    expect(statusOf(await raw(address.port, 'SSH-2.0-x\r\n\r\n'))).toContain('400');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('in the time for headers, for a body, and for saying nothing', async () => {
    const { address } = await serve({ limits: { headersMs: 200, requestMs: 300, idleMs: 400, checkEveryMs: 50 } });
    const answers = await Promise.all([
      raw(address.port, 'GET / HTTP/1.1\r\nhost: x\r\n'),
      raw(
        address.port,
        'POST /body HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
      ),
      raw(address.port, ''),
    ]);
    expect(answers.slice(0, 2).map(statusOf)).toEqual(['HTTP/1.1 408 Request Timeout', 'HTTP/1.1 408 Request Timeout']);
  });

  test('in the number of connections, and the others are served again when they go', async () => {
    const { address, connections, url } = await serve({ limits: { connections: 3 } });
    const held = [await dial(address.port), await dial(address.port), await dial(address.port)];
    expect(await raw(address.port, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('');
    expect(connections()).toBe(3);
    for (const socket of held) socket.destroy();
    await sleep(50);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('and does not keep the server from closing', async () => {
    const server = await serve();
    const socket = await dial(server.address.port);
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n');
    await sleep(20);
    await server.close();
    await expect.poll(() => server.connections()).toBe(0);
  });
});

describe('where it cannot listen', () => {
  test('the daemon does not start, and says which key to change', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    closers.push(() => other.close());
    const taken = other.address();
    const port = typeof taken === 'object' && taken !== null ? taken.port : 0;
    const starting = startTestDaemon({ env: { TOLLGATE_HTTP__LISTEN: `127.0.0.1:${port}` } });
    await expect(starting).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `http.listen: cannot listen on 127.0.0.1:${port}: another program has that port; end it or write another port`,
    });
    await expect(serve({ settings: { listen: { host: '192.0.2.1', port: 0 } } })).rejects.toThrow(
      /^http\.listen: .*no interface/,
    );
  });
});

describe('the address that people open', () => {
  test('is the public one, else its own with a warning where nobody else reaches it', async () => {
    const publicUrl = 'https://gate.example.com/tollgate';
    expect((await serve({ settings: { publicUrl } })).baseUrl()).toEqual({ url: publicUrl, warning: undefined });
    const own = await serve();
    expect(own.baseUrl()).toMatchObject({ url: own.url, warning: expect.stringContaining('http.publicUrl') });
    const all = await serve({ settings: { listen: { host: '0.0.0.0', port: 0 } } });
    expect(all.baseUrl().warning).toContain('http.publicUrl');
  });
});

describe('TLS', () => {
  let folder: string;
  const files = (name: string): { cert: string; key: string } => ({
    cert: join(folder, `${name}.pem`),
    key: join(folder, `${name}.key`),
  });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-tls-'));
    for (const name of ['one', 'two']) {
      const { cert, key } = files(name);
      const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
      await promisify(execFile)('openssl', [...words, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert]);
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const ask = (port: number): Promise<{ name: string; hsts: string | undefined; status: number | undefined }> =>
    new Promise((resolve, reject) => {
      const asked = httpsRequest(
        { port, host: '127.0.0.1', path: '/healthz', rejectUnauthorized: false, agent: false },
        (answer) => {
          const socket = asked.socket;
          const name =
            socket !== null && 'getPeerCertificate' in socket && typeof socket.getPeerCertificate === 'function'
              ? String(socket.getPeerCertificate().subject.CN)
              : '';
          answer.resume();
          resolve({ name, hsts: answer.headers['strict-transport-security'], status: answer.statusCode });
        },
      );
      asked.on('error', reject);
      asked.end();
    });

  test('is served with the certificate of the configuration, and browsers are told to stay with it', async () => {
    const server = await serve({ settings: { tls: files('one') } });
    expect(await ask(server.address.port)).toEqual({ name: 'one', hsts: 'max-age=31536000', status: 200 });
    expect(server.baseUrl().url).toBe(`https://127.0.0.1:${server.address.port}`);
    expect(statusOf(await raw(server.address.port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'))).not.toContain('200');
  });

  test('takes a renewed certificate without a restart, and keeps the old one while the new does not fit', async () => {
    const inUse = { cert: join(folder, 'use.pem'), key: join(folder, 'use.key') };
    const put = async (what: 'cert' | 'key', name: string): Promise<void> =>
      writeFile(inUse[what], await readFile(files(name)[what]));
    await put('cert', 'one');
    await put('key', 'one');
    const server = await serve({ settings: { tls: inUse }, limits: { certificateEveryMs: 30 } });
    await put('cert', 'two');
    await sleep(150);
    expect((await ask(server.address.port)).name).toBe('one');
    expect(server.log.filter(({ msg }) => String(msg).includes('cannot be used'))).toHaveLength(1);
    await put('key', 'two');
    for (let tries = 0; (await ask(server.address.port)).name !== 'two'; tries++) {
      expect(tries).toBeLessThan(100);
      await sleep(30);
    }
  });

  test('with a file that is not there, or a key of another certificate, does not start, and says which key to change', async () => {
    const { cert } = files('one');
    await expect(serve({ settings: { tls: { cert, key: join(folder, 'none') } } })).rejects.toThrow(
      /^http\.tls\.key: .*ENOENT/,
    );
    await expect(serve({ settings: { tls: { cert, key: files('two').key } } })).rejects.toThrow(
      /^http\.tls: .*cannot be used together/,
    );
  });
});
