/** Certificates that servers of this machine show: when they end, and whether their keys are for everybody to read. */
import { X509Certificate } from 'node:crypto';
import { posix } from 'node:path';
import { readAsteriskConfig } from './asterisk-files.ts';
import { DAY_MS, type DoctorContext } from './context.ts';
import { findingsOf, type MachineFinding } from './finding.ts';
import type { Machine } from './machine.ts';

const { ok, warn, bad, unknown } = findingsOf('certificates');
const WARN_DAYS = 30;
const BAD_DAYS = 7;
const WHY =
  'with a certificate that is over, phones do not register, browsers warn, and people learn to click warnings away';

export async function examineCertificates(context: DoctorContext): Promise<readonly MachineFinding[]> {
  const places = [
    ...(await ofAsterisk(context)),
    ...(await ofTheWeb(context.machine)),
    ...(await ofLetsEncrypt(context.machine)),
    ...ofTollgate(context),
  ];
  const paths = [...new Set(places)].sort();
  const findings = await Promise.all(paths.map((path) => judged(context.machine, path)));
  return findings.flat();
}

async function judged(machine: Machine, path: string): Promise<readonly MachineFinding[]> {
  const found = await machine.read(path);
  if (found.kind === 'absent')
    return [
      bad(path, `${path} is named by a configuration and is not there`, WHY, `see who names it: grep -r ${path} /etc`),
    ];
  if (found.kind === 'denied') return [unknown(path, `${path} ${found.why}`, WHY, 'run tollgate doctor as root')];
  const findings: MachineFinding[] = [];
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(found.text) && (found.mode & 0o004) !== 0) {
    findings.push(
      bad(
        `${path} key`,
        `${path} holds a private key that every user can read`,
        'who has the key is the server',
        `chmod 640 ${path}`,
      ),
    );
  }
  const [pem] = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(found.text) ?? [];
  const certificate = pem === undefined ? undefined : readCertificate(pem);
  if (certificate === undefined) {
    if (findings.length === 0)
      findings.push(
        unknown(path, `${path} holds no certificate that can be read`, WHY, `openssl x509 -in ${path} -noout -dates`),
      );
    return findings;
  }
  const days = Math.floor((Date.parse(certificate.validTo) - machine.now()) / DAY_MS);
  const name = /CN=([^\n]+)/.exec(certificate.subject)?.[1] ?? 'a host';
  const renew = 'renew it (certbot renew, or fwconsole certificates --updateall), and reload who shows it';
  if (Date.parse(certificate.validFrom) > machine.now())
    findings.push(
      bad(
        path,
        `the certificate of ${name} is not valid yet (${path})`,
        WHY,
        'see the clock of this machine: timedatectl',
      ),
    );
  else if (days < 0)
    findings.push(bad(path, `the certificate of ${name} is over since ${-days} days (${path})`, WHY, renew));
  else if (days <= BAD_DAYS)
    findings.push(bad(path, `the certificate of ${name} ends in ${days} days (${path})`, WHY, renew));
  else if (days <= WARN_DAYS)
    findings.push(warn(path, `the certificate of ${name} ends in ${days} days (${path})`, WHY, renew));
  else findings.push(ok(path, `the certificate of ${name} is good for ${days} days (${path})`, WHY));
  return findings;
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

async function ofAsterisk({ machine, asteriskEtc: etc }: DoctorContext): Promise<readonly string[]> {
  const configs = await Promise.all(
    ['http.conf', 'manager.conf', 'pjsip.conf', 'sip.conf'].map((name) => readAsteriskConfig(machine, etc, name)),
  );
  return configs
    .flatMap(({ sections }) => sections.flatMap(({ entries }) => entries))
    .filter(({ key, value }) => /^(?:tlscertfile|cert_file)$/i.test(key) && value.trim() !== '')
    .map(({ value }) => (posix.isAbsolute(value.trim()) ? value.trim() : posix.join(etc, value.trim())));
}

const WEB_FOLDERS = [
  '/etc/apache2/sites-enabled',
  '/etc/httpd/conf.d',
  '/etc/nginx/sites-enabled',
  '/etc/nginx/conf.d',
];

async function ofTheWeb(machine: Machine): Promise<readonly string[]> {
  const paths = await Promise.all(
    WEB_FOLDERS.map(async (folder) => {
      const names = (await machine.list(folder)) ?? [];
      const texts = await Promise.all(names.map((name) => machine.read(posix.join(folder, name))));
      return texts.flatMap((found) =>
        found.kind === 'text'
          ? [...found.text.matchAll(/^\s*(?:SSLCertificateFile|ssl_certificate)\s+"?(\/[^\s";]+)/gim)]
          : [],
      );
    }),
  );
  return paths.flat().flatMap(([, path]) => path ?? []);
}

async function ofLetsEncrypt(machine: Machine): Promise<readonly string[]> {
  const live = '/etc/letsencrypt/live';
  return ((await machine.list(live)) ?? [])
    .filter((name) => name !== 'README')
    .map((name) => posix.join(live, name, 'fullchain.pem'));
}

/** Its paths are of this machine, whatever root is looked at. */
const ofTollgate = ({ config, machine }: DoctorContext): readonly string[] =>
  'problem' in config || !machine.isLive || config.http.tls === undefined ? [] : [config.http.tls.cert];
