/**
 * The certificate of the web server, read again when its files change, so that a renewed one needs no restart.
 *
 * What cannot be used (half written, a key that does not fit) is never handed out: at the start it is an error, later the
 * old one stays in use and the log says why.
 */
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** In PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** @throws {TollgateError} `CONFIG_INVALID` naming the key of the configuration */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const read = async (name: keyof CertificateFiles): Promise<Buffer> => {
    try {
      return await readFile(files[name]);
    } catch (cause) {
      throw new TollgateError('CONFIG_INVALID', `http.tls.${name}: ${messageOf(cause)}`, { cause });
    }
  };
  const [cert, key] = await Promise.all([read('cert'), read('key')]);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const problem = `http.tls: ${files.cert} and ${files.key} cannot be used together: ${messageOf(cause)}`;
    throw new TollgateError('CONFIG_INVALID', problem, { cause });
  }
  return { cert, key };
}

/**
 * Looks at the files again and again. Their content, not their times, is compared: links that are exchanged, as those who
 * renew certificates do, have times of their own.
 *
 * @returns what ends it
 */
export function watchCertificate(
  files: CertificateFiles,
  first: Certificate,
  deps: { readonly everyMs: number; readonly log: Log; readonly onChange: (certificate: Certificate) => void },
): () => void {
  let known = first;
  let reported = '';
  const look = async (): Promise<void> => {
    try {
      const found = await readCertificate(files);
      reported = '';
      if (found.cert.equals(known.cert) && found.key.equals(known.key)) return;
      known = found;
      deps.onChange(found);
      deps.log.info({ file: files.cert }, 'the certificate changed and is in use');
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== reported) deps.log.warn({ problem }, 'the changed certificate cannot be used; the old one stays');
      reported = problem;
    }
  };
  const timer = setInterval(() => void look(), deps.everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
