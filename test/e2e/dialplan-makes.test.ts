/**
 * Every way by which a call gets to `gate` on a plain Asterisk: AEL and Lua by the examples that are shipped, a phone that
 * diverts, Local channels, IAX2, and chan_sip where the version has it. Whose call it is must be right in each.
 */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endpointOfChannel } from '../../src/asterisk/channel-name.ts';
import type { AsteriskVersion } from '../../src/demo/asterisk.ts';
import { freeUdpPort } from '../../src/demo/child.ts';
import type { Stage } from '../../src/demo/stage.ts';
import { createSipPhone } from '../support/sip-phone.ts';
import { startTestStage } from '../support/stage.ts';
import {
  type StubAgiBehaviour,
  type StubAgiRequest,
  type StubAgiServer,
  startStubAgiServer,
} from '../support/stub-agi-server.ts';

const EXAMPLES = join(import.meta.dirname, '../../dialplan/examples');
const example = (name: string): string => readFileSync(join(EXAMPLES, name), 'utf8');
const PASSWORD = 'of-the-test-phones-7';

/** A phone that sends every caller on to a number outside: 302 Moved Temporarily. */
async function startDivertingPhone(to: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.on('message', (data, from) => {
    const text = data.toString('utf8');
    if (!/^(?:INVITE|OPTIONS|CANCEL) /.test(text)) return;
    const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map(
      (name) => new RegExp(`^${name}: .*$`, 'im').exec(text)?.[0] ?? '',
    );
    const target = `${/^To: .*$/im.exec(text)?.[0] ?? ''};tag=diverts`;
    const status = text.startsWith('INVITE ') ? '302 Moved Temporarily' : '200 OK';
    const contact = text.startsWith('INVITE ') ? [`Contact: <sip:${to}@127.0.0.1>`] : [];
    const lines = [`SIP/2.0 ${status}`, ...copied, target, ...contact, 'Content-Length: 0', '', ''];
    socket.send(lines.join('\r\n'), from.port, from.address);
  });
  return socket;
}

describe.each([22, 16] satisfies readonly AsteriskVersion[])('on Asterisk %i', (version) => {
  let stage: Stage;
  let agi: StubAgiServer;
  let diverting: Socket;
  let chanSipPort: number;
  const last = (): StubAgiRequest => {
    const request = agi.requests.at(-1);
    if (request === undefined) throw new Error('nobody asked');
    return request;
  };
  /** The extension that pays: the one the dialplan names, else that of the channel, as the daemon reads it. */
  const payer = ({ args, environment }: StubAgiRequest): string | undefined =>
    args[2] === '' ? endpointOfChannel(environment['channel'] ?? '') : args[2];
  const allow: StubAgiBehaviour = { kind: 'set', variables: { TOLLGATE_VERDICT: 'allow' } };
  const refuse: StubAgiBehaviour = {
    kind: 'set',
    variables: { TOLLGATE_VERDICT: 'block', TOLLGATE_HANGUP_CAUSE: '21' },
  };
  const carried = async (destination: string): Promise<number> => {
    const calls = await Promise.all(['carrier-a', 'carrier-b'].map((name) => stage.carrier(name).calls()));
    return calls.flat().filter((call) => call.destination === destination).length;
  };

  /** Phone 1001 calls. SIPp would give up at the 181 by which Asterisk says that a call is diverted. */
  const calls = async (destination: string): Promise<number> => {
    const password = stage.asterisk.phones['1001'] ?? '';
    const { sipPort } = stage.asterisk;
    const phone = await createSipPhone({ user: '1001', password, address: '127.0.0.1', sipPort });
    try {
      return await phone.call(destination);
    } finally {
      phone.close();
    }
  };

  beforeAll(async () => {
    [agi, diverting] = await Promise.all([startStubAgiServer(), startDivertingPhone('5550302')]);
    const [iaxPort, sipPort] = [await freeUdpPort(), await freeUdpPort()];
    chanSipPort = sipPort;
    const divertsAt = diverting.address().port;
    stage = await startTestStage({
      version,
      modules: ['res_ael_share', 'pbx_ael', 'pbx_lua', 'chan_iax2', ...(version === 16 ? ['chan_sip'] : [])],
      globals: { TOLLGATE_AGI: agi.url },
      dialplan: `
[from-phones]
exten => _7.,1,Goto(outbound-ael,\${EXTEN:1},1)
exten => _6.,1,Goto(outbound-lua,\${EXTEN:1},1)
exten => _5.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
 same => n,Hangup()
exten => _4.,1,Dial(IAX2/van:${PASSWORD}@127.0.0.1:${iaxPort}/\${EXTEN:1}@from-phones)
exten => _3.,1,Dial(Local/\${EXTEN:1}@from-phones/n)
exten => _2.,1,Dial(Local/\${EXTEN:1}@named/n)
exten => 101,1,Set(__FORWARD_CONTEXT=from-phones)
 same => n,Dial(PJSIP/desk-7)
exten => 102,1,Set(__FORWARD_CONTEXT=from-phones)
 same => n,Dial(SIP/desk-8)
[named]
exten => _5.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a,2001))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a)
${example('lua.conf')}`,
      files: {
        'extensions.ael': example('extensions.ael'),
        'extensions.lua': example('extensions.lua'),
        'iax.conf': `[general]\nbindport=${iaxPort}\nbindaddr=127.0.0.1\ndisallow=all\nallow=ulaw\n[van]\ntype=friend\nhost=dynamic\nsecret=${PASSWORD}\ncontext=from-phones\n`,
        'pjsip.conf': `[desk-7]\ntype=endpoint\ncontext=inside\ndisallow=all\nallow=ulaw\naors=desk-7\n[desk-7]\ntype=aor\ncontact=sip:desk-7@127.0.0.1:${divertsAt}\n`,
        'sip.conf': `[general]\nudpbindaddr=127.0.0.1:${sipPort}\nwebsocket_enabled=no\nallowguest=no\ndisallow=all\nallow=ulaw\n[2001]\ntype=friend\nhost=dynamic\nsecret=${PASSWORD}\ncontext=from-phones\n[desk-8]\ntype=peer\nhost=127.0.0.1\nport=${divertsAt}\n`,
      },
    });
  }, 120_000);
  afterAll(async () => {
    await stage?.stop();
    await agi?.close();
    diverting?.close();
  });

  test.each([
    ['AEL', '79', '550001', 'carrier-a'],
    ['AEL that only checks', '78', '550002', 'carrier-b'],
    ['Lua', '69', '550003', 'carrier-a'],
  ])(
    '%s asks with number, trunk and phone; an allowed call goes out and a refused one does not',
    async (_name, prefix, number, trunk) => {
      agi.behave(allow);
      expect((await stage.placeCall({ destination: `${prefix}${number}` })).status).toBe(200);
      expect(last().args.slice(0, 2)).toEqual([number, trunk]);
      expect(payer(last())).toBe('1001');
      expect(await carried(number)).toBe(1);
      agi.behave(refuse);
      expect((await stage.placeCall({ destination: `${prefix}${number}` })).status).toBe(403);
      expect(await carried(number)).toBe(1);
    },
  );

  test('a phone that diverts its callers outside pays for each of them', async () => {
    agi.behave(allow);
    expect(await calls('101')).toBe(200);
    expect(last().args.slice(0, 2)).toEqual(['5550302', 'carrier-a']);
    expect(last().environment['type']).toBe('Local');
    expect(payer(last())).toBe('desk-7');
    agi.behave(refuse);
    const before = await carried('5550302');
    expect(await calls('101')).toBeGreaterThanOrEqual(400);
    expect(await carried('5550302')).toBe(before);
  });

  test('an IAX2 peer is known by its name', async () => {
    agi.behave(allow);
    expect((await stage.placeCall({ destination: '45550401' })).status).toBe(200);
    expect(last().args.slice(0, 2)).toEqual(['5550401', 'carrier-a']);
    expect(payer(last())).toBe('van');
    expect(await carried('5550401')).toBe(1);
  });

  test('a Local channel of the dialplan’s own is nobody’s, unless the dialplan says whose', async () => {
    agi.behave(allow);
    expect((await stage.placeCall({ destination: '35550301' })).status).toBe(200);
    expect(payer(last())).toBeUndefined();
    expect((await stage.placeCall({ destination: '25550201' })).status).toBe(200);
    expect(payer(last())).toBe('2001');
    expect(await carried('5550201')).toBe(1);
  });

  test.runIf(version === 16)(
    'a chan_sip phone is known by its name and address, and pays for what it diverts',
    async () => {
      const phone = await createSipPhone({
        user: '2001',
        password: PASSWORD,
        address: '127.0.0.2',
        sipPort: chanSipPort,
      });
      try {
        agi.behave(allow);
        expect(await phone.call('5550801')).toBe(200);
        expect([payer(last()), last().args[3]]).toEqual(['2001', '127.0.0.2']);
        agi.behave(refuse);
        expect(await phone.call('5550802')).toBe(403);
        expect(await carried('5550802')).toBe(0);
        agi.behave(allow);
        expect(await calls('102')).toBe(200);
        expect(payer(last())).toBe('desk-8');
      } finally {
        phone.close();
      }
    },
  );
});
