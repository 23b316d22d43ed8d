/**
 * E-mail by SMTP, as text and as HTML, over TLS unless that is switched off by name.
 *
 * `Message-ID` is made of the message's own id, so that a mail server or reader that gets it twice can tell. One
 * conversation per incident: `References` names the incident.
 */
import { readFile } from 'node:fs/promises';
import type { Transporter } from 'nodemailer';
import { z } from 'zod';
import { messageOf } from '../../errors.ts';
import type { ChannelKind } from '../channel.ts';
import { DeliveryFailed } from '../delivery-failed.ts';
import type { Message } from '../message.ts';

const address = z
  .string()
  .max(254)
  .regex(/^[^\s@<>,;:"'\p{Cc}]+@[^\s@<>,;:"'\p{Cc}]+$/u, { error: 'is not an e-mail address' });

const shape = {
  host: z.string().min(1),
  port: z.int().min(1).max(65535).optional(),
  /** `starttls`: the connection becomes TLS or is given up. `implicit`: TLS from the first byte. */
  tls: z.enum(['starttls', 'implicit', 'none']).default('starttls'),
  /** Certificates that are trusted beside those of the system: a file in PEM. */
  ca: z.string().min(1).optional(),
  username: z.string().min(1).optional(),
  password: z.string().min(1).optional(),
  from: address,
  to: z.array(address).min(1).max(50).readonly(),
};
type Settings = z.output<z.ZodObject<typeof shape>>;

const PORTS = { starttls: 587, implicit: 465, none: 25 } as const;
/** Of one step of the conversation; the whole ends with the signal. */
const STEP_MS = 8000;

export const email = {
  settings: shape,
  secrets: ['password'],
  files: ['ca'],
  tracksIncidents: false,
  rings: false,
  perMinute: 30,
  create: (settings: Settings) => {
    let transport: Promise<Transporter> | undefined;
    const opened = (): Promise<Transporter> => {
      transport ??= openTransport(settings).catch((error: unknown) => {
        transport = undefined;
        throw error;
      });
      return transport;
    };
    return {
      send: async (message, signal) => {
        const sending = opened().then((each) => each.sendMail(mailOf(message, settings)));
        await Promise.race([sending, whenAborted(signal)]).catch((cause: unknown) => {
          throw new DeliveryFailed(`${settings.host}: ${messageOf(cause)}`, { isFinal: isRefused(cause), cause });
        });
      },
      close: () => {
        void transport?.then((each) => each.close()).catch(() => undefined);
      },
    };
  },
} as const satisfies ChannelKind;

/** Loaded when the first mail is sent: every command of the command line reads the settings, and few send mail. */
async function openTransport({ host, port, tls, ca, username, password }: Settings): Promise<Transporter> {
  const { createTransport } = await import('nodemailer');
  const trusted = ca === undefined ? undefined : await readFile(ca, 'utf8');
  return createTransport({
    host,
    port: port ?? PORTS[tls],
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(trusted === undefined ? {} : { tls: { ca: trusted, minVersion: 'TLSv1.2' } }),
    ...(username === undefined ? {} : { auth: { user: username, pass: password ?? '' } }),
    connectionTimeout: STEP_MS,
    greetingTimeout: STEP_MS,
    socketTimeout: STEP_MS,
    // A text that looks like a path or an address is a text.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

const whenAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = (): void => reject(new Error('no answer in time'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

/** 5xx to the message itself, and not to the log-in: RFC 5321, section 4.2.1. */
const isRefused = (error: unknown): boolean =>
  error instanceof Error &&
  'responseCode' in error &&
  'code' in error &&
  Number(error.responseCode) >= 550 &&
  (error.code === 'EMESSAGE' || error.code === 'EENVELOPE');

export function mailOf(message: Message, { from, to }: Pick<Settings, 'from' | 'to'>) {
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const idOf = (id: string): string => `<${id.replace(/[^\w.-]/g, '-')}@${domain}>`;
  return {
    from: { name: 'Tollgate', address: from },
    to: [...to],
    subject: `[${message.severity}] ${message.title}`,
    text: textOf(message),
    html: htmlOf(message),
    messageId: idOf(message.id),
    references: idOf(message.incident),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Tollgate-Event': message.event },
    ...(message.severity === 'critical' ? { priority: 'high' as const } : {}),
  };
}

const textOf = ({ title, lines, links }: Message): string =>
  [
    title,
    '',
    ...lines,
    ...(links.length === 0 ? [] : ['', ...links.map(({ text, url }) => `${text}: ${url}`)]),
    '',
  ].join('\n');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (each) => ENTITIES[each] ?? '');

export function htmlOf({ title, lines, links }: Message): string {
  const paragraphs = lines.map((line) => `<p>${escapeHtml(line)}</p>`);
  const anchors = links.map(({ text, url }) => `<p><a href="${escapeHtml(url)}">${escapeHtml(text)}</a></p>`);
  return ['<!doctype html><meta charset="utf-8">', `<h1>${escapeHtml(title)}</h1>`, ...paragraphs, ...anchors].join(
    '\n',
  );
}
