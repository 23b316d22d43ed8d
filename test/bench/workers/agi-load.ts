/**
 * Worker: plays an Asterisk. Places FastAGI requests as it does and measures until the server has closed, which is when
 * the dialplan goes on.
 *
 * `closed` keeps a number of calls going; `open` starts calls at fixed times whatever the server does, and counts from the
 * time at which a call was due, so that a stalled server cannot hide the calls that it kept from being placed; `slow`
 * answers each command late and counts what the server sends before it has its reply.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerQuestions } from '../processes.ts';
import { DESTINATION, drive, SUBJECTS } from '../subjects.ts';

type Question = {
  readonly port: number;
  /** Each line of the environment in a write of its own, as Asterisk does; else all in one. */
  readonly lines: boolean;
} & (
  | { readonly kind: 'closed'; readonly connections: number; readonly forMs: number }
  | { readonly kind: 'open'; readonly perSecond: number; readonly forMs: number }
  | { readonly kind: 'slow'; readonly calls: number; readonly replyAfterMs: number }
);

const TRUNKS = 8;
let placed = 0;

/** What Asterisk 22 sends for a call of a phone that asks `agi://HOST/check`. */
function environmentOf(port: number): string[] {
  placed += 1;
  const extension = String(10_000 + (placed % SUBJECTS));
  const uniqueId = `1795166169.${placed}`;
  return [
    'agi_network: yes\n',
    'agi_network_script: check\n',
    `agi_request: agi://127.0.0.1:${port}/check\n`,
    `agi_channel: PJSIP/${extension}-${placed.toString(16).padStart(8, '0')}\n`,
    'agi_language: en\n',
    'agi_type: PJSIP\n',
    `agi_uniqueid: ${uniqueId}\n`,
    'agi_version: 22.10.1\n',
    `agi_callerid: ${extension}\n`,
    `agi_calleridname: Agent ${extension}\n`,
    'agi_callingpres: 0\n',
    'agi_callingani2: 0\n',
    'agi_callington: 0\n',
    'agi_callingtns: 0\n',
    `agi_dnid: ${DESTINATION}\n`,
    'agi_rdnis: unknown\n',
    'agi_context: from-ext\n',
    `agi_extension: ${DESTINATION}\n`,
    'agi_priority: 2\n',
    'agi_enhanced: 0.0\n',
    'agi_accountcode: \n',
    'agi_threadid: 140230695392960\n',
    `agi_arg_1: ${DESTINATION}\n`,
    `agi_arg_2: trunk-${placed % TRUNKS}\n`,
    'agi_arg_3: \n',
    'agi_arg_4: 192.0.2.17\n',
    'agi_arg_5: \n',
    'agi_arg_6: \n',
    `agi_arg_7: ${uniqueId}\n`,
    '\n',
  ];
}

interface CallEnd {
  /** The server sent at least one command, and none of them said anything but allow. */
  readonly allowed: boolean;
  /** Commands that came before the reply to the one before had been sent. */
  readonly pipelined: number;
}

function placeCall(question: Question, replyAfterMs = 0): Promise<CallEnd> {
  return new Promise((resolve, reject) => {
    const lines = environmentOf(question.port);
    const socket = connect({ host: '127.0.0.1', port: question.port, noDelay: true, allowHalfOpen: true });
    let text = '';
    let unanswered = 0;
    let pipelined = 0;
    const reply = (): void => {
      unanswered = 0;
      socket.write('200 result=0\n', 'latin1');
    };
    socket.on('connect', () => {
      if (!question.lines) socket.write(lines.join(''), 'latin1');
      else for (const line of lines) socket.write(line, 'latin1');
    });
    socket.on('data', (chunk: Buffer) => {
      const piece = chunk.toString('latin1');
      text += piece;
      for (let end = piece.indexOf('\n'); end !== -1; end = piece.indexOf('\n', end + 1)) {
        if (unanswered > 0) pipelined += 1;
        unanswered += 1;
      }
      if (unanswered === 0) return;
      if (replyAfterMs === 0) reply();
      else setTimeout(reply, replyAfterMs);
    });
    socket.on('end', () => {
      resolve({ allowed: text.includes('allow') && !text.includes('VERDICT=block'), pipelined });
      socket.end('HANGUP\n', 'latin1');
    });
    socket.on('error', reject);
  });
}

/** `share` of 0.99 is the 99th percentile. */
const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;

answerQuestions<Question>(async (question) => {
  let pipelined = 0;
  let notAllowed = 0;
  const note = (end: CallEnd): void => {
    pipelined += end.pipelined;
    if (!end.allowed) notAllowed += 1;
  };
  switch (question.kind) {
    case 'closed': {
      const startMs = performance.now();
      const calls = await drive(question.connections, () =>
        performance.now() - startMs < question.forMs ? placeCall(question).then(note) : undefined,
      );
      return { calls, perSecond: (calls / (performance.now() - startMs)) * 1000, pipelined, notAllowed };
    }
    case 'slow': {
      await drive(20, (n) => (n < question.calls ? placeCall(question, question.replyAfterMs).then(note) : undefined));
      return { calls: question.calls, pipelined, notAllowed };
    }
    case 'open': {
      const everyMs = 1000 / question.perSecond;
      const total = Math.round(question.forMs / everyMs);
      const startMs = performance.now() + 20;
      const running: Promise<void>[] = [];
      const latencies: number[] = [];
      while (running.length < total) {
        const dueMs = startMs + running.length * everyMs;
        const leftMs = dueMs - performance.now();
        // A timer is late by up to a millisecond, which would be in every latency: the last stretch is waited for awake.
        if (leftMs > 2) await sleep(Math.floor(leftMs - 1.5));
        else if (leftMs > 0) await new Promise((resolve) => setImmediate(resolve));
        else {
          running.push(
            placeCall(question).then((end) => {
              latencies.push(performance.now() - dueMs);
              note(end);
            }),
          );
        }
      }
      await Promise.all(running);
      latencies.sort((a, b) => a - b);
      return { calls: total, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), pipelined, notAllowed };
    }
    default:
      return question satisfies never;
  }
});
