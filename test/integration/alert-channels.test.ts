/** Each channel over a real socket, as its documentation says it is spoken to; and where channels may not lead. */
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TestResult } from '../../src/alerts/alerts.ts';
import type { LookUp } from '../../src/alerts/post.ts';
import { someAlert, startTestAlerts, type TestAlerts, until } from '../support/alerts.ts';
import { answering, type HttpReceiver, hanging, startHttpReceiver } from '../support/http-receiver.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { type SmtpServer, startSmtpServer } from '../support/smtp-server.ts';

let store: TestRedis;
let receiver: HttpReceiver;
let running: TestAlerts[] = [];

beforeAll(async () => {
  store = await startRedis();
});
afterAll(() => store.stop());
beforeEach(async () => {
  receiver = await startHttpReceiver();
});
afterEach(async () => {
  for (const each of running) await each.stop();
  running = [];
  await receiver.stop();
  await store.client().flushall();
});

async function start(
  channels: Readonly<Record<string, unknown>>,
  options: { readonly publicUrl?: string; readonly lookUp?: LookUp; readonly allowNetworks?: readonly string[] } = {},
): Promise<TestAlerts> {
  const { allowNetworks = ['127.0.0.0/8'], ...rest } = options;
  const each = await startTestAlerts({ redis: store.client(), settings: { channels, allowNetworks }, ...rest });
  running.push(each);
  return each;
}
const testOf = async ({ alerts }: TestAlerts, channel: string): Promise<TestResult> => {
  const [result] = await alerts.test(channel);
  if (result === undefined) throw new Error('no result');
  return result;
};
const secret = 'a secret of 20 chars';
const hook = (): Readonly<Record<string, unknown>> => ({ kind: 'webhook', url: `${receiver.url}/hook`, secret });

describe('a webhook', () => {
  test('is signed over its time and its very bytes, and names what makes it unique', async () => {
    const { alerts } = await start({ hook: hook() }, { publicUrl: 'https://gate.example.com' });
    alerts.raise(someAlert());
    await receiver.until(1);
    const [first] = receiver.received;
    const { headers = {}, body = '' } = first ?? {};
    const time = String(headers['x-tollgate-timestamp']);
    const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
    expect(headers['x-tollgate-signature']).toBe(`v1=${signature}`);
    expect(Math.abs(Date.now() / 1000 - Number(time))).toBeLessThan(10);
    const sent = JSON.parse(body);
    expect(sent).toMatchObject({
      version: 1,
      event: 'raised',
      kind: 'component',
      severity: 'critical',
      title: 'store on pbx1 is down',
      links: [{ url: expect.stringMatching(/^https:\/\/gate\.example\.com\/k\/[\w-]+\.[\w-]{43}$/) }],
    });
    expect(headers['idempotency-key']).toBe(sent.id);
  });

  test.each([
    ['says what the other side said', () => answering(403, 'no\r\nway'), /answered 403: no way$/],
    [
      'is not redirected, neither elsewhere nor to itself',
      () => answering(302, '', { location: receiver.url }),
      /answered 302; redirects are not followed/,
    ],
    ['takes no endless answer', () => answering(500, 'x'.repeat(1_000_000)), /answered 500: x{200}$/],
  ])('%s', async (_what, answer, sentence) => {
    receiver.answer = answer();
    const result = await testOf(await start({ hook: hook() }), 'hook');
    expect(result).toMatchObject({ taken: false, problem: expect.stringMatching(sentence) });
    expect(receiver.received).toHaveLength(1);
  });

  test('that is not answered ends after ten seconds', async () => {
    receiver.answer = hanging;
    const result = await testOf(await start({ hook: hook() }), 'hook');
    expect(result.problem).toContain('no answer in time');
  });

  test('leads to no address of this machine unless that is named, by whatever name', async () => {
    const urls = [
      'http://127.0.0.1',
      'http://localhost',
      'http://[::1]',
      'http://[::ffff:127.0.0.1]',
      'http://2130706433',
    ];
    for (const [at, url] of urls.entries()) {
      const channel = { kind: 'webhook', url: `${url}:${receiver.port}/`, secret };
      const result = await testOf(await start({ [`hook${at}`]: channel }, { allowNetworks: [] }), `hook${at}`);
      expect(result).toMatchObject({
        taken: false,
        problem: expect.stringContaining('not an address of the internet'),
      });
    }
    expect(receiver.received).toEqual([]);
  });

  test('goes to the address that was judged, and not to the one that the name has a moment later', async () => {
    const asked: string[] = [];
    // Judged as allowed the first time; whoever asked again would be led to a cloud's secrets.
    const lookUp: LookUp = (host) => {
      asked.push(host);
      return Promise.resolve([{ address: asked.length === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }]);
    };
    const channel = { kind: 'webhook', url: `http://rebound.example:${receiver.port}/`, secret };
    const alerts = await start({ hook: channel }, { lookUp });
    expect(await testOf(alerts, 'hook')).toMatchObject({ taken: true });
    expect(asked).toEqual(['rebound.example']);
    expect(receiver.received[0]?.headers.host).toBe(`rebound.example:${receiver.port}`);
    expect(await testOf(alerts, 'hook')).toMatchObject({
      taken: false,
      problem: expect.stringContaining('169.254.169.254'),
    });
    expect(receiver.received).toHaveLength(1);
  });

  test('whose name has one good and one bad address goes to neither', async () => {
    const lookUp: LookUp = () =>
      Promise.resolve([
        { address: '127.0.0.1', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ]);
    const channel = { kind: 'webhook', url: `http://both.example:${receiver.port}/`, secret };
    expect(await testOf(await start({ hook: channel }, { lookUp }), 'hook')).toMatchObject({ taken: false });
    expect(receiver.received).toEqual([]);
  });
});

describe('Slack, Telegram and PagerDuty', () => {
  test('get what their documentation asks for', async () => {
    const key = 'k'.repeat(32);
    const { alerts } = await start({
      slack: { kind: 'slack', webhookUrl: `${receiver.url}/services/T0/B0/xyz` },
      telegram: { kind: 'telegram', token: '12345:AB-cd', chat: '-1001', api: receiver.url },
      pager: { kind: 'pagerduty', key, api: receiver.url },
    });
    receiver.answer = (response, { path }) => {
      if (path === '/v2/enqueue') response.writeHead(202).end('{"status":"success"}');
      else response.end(path.startsWith('/bot') ? '{"ok":true}' : 'ok');
    };
    alerts.raise(someAlert());
    await receiver.until(3);
    const bodies = new Map(receiver.received.map(({ path, body }) => [path, JSON.parse(body)]));
    expect(bodies.get('/services/T0/B0/xyz')).toMatchObject({ text: 'store on pbx1 is down', unfurl_links: false });
    expect(bodies.get('/bot12345:AB-cd/sendMessage')).toMatchObject({
      chat_id: '-1001',
      parse_mode: 'HTML',
      text: expect.stringContaining('<b>store on pbx1 is down</b>'),
    });
    const trigger = bodies.get('/v2/enqueue');
    expect(trigger).toMatchObject({ routing_key: key, event_action: 'trigger' });
    const [incident] = await alerts.list('open', 10);
    await alerts.acknowledge(incident?.id ?? '', 'cli anna');
    alerts.resolve('component', 'pbx1 store', 'it is back');
    await until(() => receiver.received.filter(({ path }) => path === '/v2/enqueue').length === 3);
    const actions = receiver.received.filter(({ path }) => path === '/v2/enqueue').map(({ body }) => JSON.parse(body));
    expect(actions.map(({ event_action }) => event_action)).toEqual(['trigger', 'acknowledge', 'resolve']);
    expect(new Set(actions.map(({ dedup_key }) => dedup_key))).toEqual(new Set([trigger.dedup_key]));
  });

  test('say by their own words that a test failed', async () => {
    receiver.answer = answering(404, 'channel_not_found');
    const slack = await start({ slack: { kind: 'slack', webhookUrl: `${receiver.url}/secret-path` } });
    const { problem } = await testOf(slack, 'slack');
    expect(problem).toContain('channel_not_found');
    expect(problem).not.toContain('secret-path');
  });

  test('leave no incident of PagerDuty open after a test', async () => {
    receiver.answer = answering(202);
    await testOf(await start({ pager: { kind: 'pagerduty', key: 'k'.repeat(32), api: receiver.url } }), 'pager');
    expect(receiver.received.map(({ body }) => JSON.parse(body).event_action)).toEqual(['trigger', 'resolve']);
  });
});

describe('a mail', () => {
  let folder: string;
  let tls: { readonly cert: string; readonly key: string };
  let smtp: SmtpServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-tls-'));
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject];
    execFileSync('openssl', [...make, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' });
    tls = { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    smtp = await startSmtpServer({ tls });
  });
  afterEach(() => smtp.stop());
  const mail = (fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
    mail: {
      kind: 'email',
      host: 'localhost',
      port: smtp.port,
      ca: join(folder, 'cert.pem'),
      from: 'tollgate@example.com',
      to: ['anna@example.com', 'bert@example.com'],
      ...fields,
    },
  });

  test('goes over TLS with a checked certificate, as the user, to everybody, as text and HTML', async () => {
    const { alerts } = await start(mail({ username: 'gate', password: 'secret' }), {
      publicUrl: 'https://gate.example.com',
    });
    alerts.raise(someAlert({ title: 'Grüße <b>1001</b>\r\nBcc: evil@example.com', sentence: '.\r\n.\r\nQUIT' }));
    await until(() => smtp.mails.length === 1);
    const [sent] = smtp.mails;
    expect(sent).toMatchObject({
      overTls: true,
      user: 'gate',
      from: 'tollgate@example.com',
      to: ['anna@example.com', 'bert@example.com'],
    });
    const head = (sent?.text ?? '').split('\n\n')[0] ?? '';
    expect(head).not.toMatch(/^Bcc:/im);
    expect(head).toMatch(/^Message-ID: <[0-9a-f]{16}-1-raised-mail@example\.com>$/m);
    expect(head).toMatch(/^Auto-Submitted: auto-generated$/im);
    expect(sent?.text).toMatch(/^Content-Type: multipart\/alternative/m);
    const html = (sent?.text ?? '').split('Content-Type: text/html')[1];
    expect(html).toContain('&lt;b&gt;');
    expect(html).not.toContain('<b>');
  });

  test('is not sent where TLS is not to be had, or the certificate is not trusted', async () => {
    smtp.behave = 'no-tls';
    expect(await testOf(await start(mail()), 'mail')).toMatchObject({
      taken: false,
      problem: expect.stringMatching(/STARTTLS/i),
    });
    smtp.behave = 'take';
    await writeFile(join(folder, 'other.pem'), '');
    const untrusted = await start(mail({ ca: undefined }));
    expect(await testOf(untrusted, 'mail')).toMatchObject({
      taken: false,
      problem: expect.stringContaining('self-signed'),
    });
    expect(smtp.mails).toEqual([]);
  });

  test('that is refused for ever is given up, and one that is refused for now is not', async () => {
    const each = await start(mail());
    smtp.behave = 'later';
    each.alerts.raise(someAlert());
    await until(() => each.log.some(({ msg }) => msg === 'an alert was not taken and is tried again'));
    expect(await each.alerts.dead(10)).toEqual([]);
    smtp.behave = 'refuse';
    await until(async () => (await each.alerts.dead(10)).length === 1, 20_000);
    smtp.behave = 'take';
    expect(await each.alerts.retry(undefined)).toBe(1);
    await until(() => smtp.mails.length === 1, 20_000);
    expect(await each.alerts.dead(10)).toEqual([]);
  });
});
