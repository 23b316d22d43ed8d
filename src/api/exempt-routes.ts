/** `/api/v1/allowlist/exempt`: which extensions are exempt from call limits now, because their phones are where they are. */
import type { Defence } from '../bans/defence.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import { exempt } from './address-answers.ts';
import { type Api, list } from './schema.ts';

export interface ExemptReport {
  readonly extension: string;
  /** Where its phone is registered from. */
  readonly address: string;
  /** Name of the entry that exempts it. */
  readonly entry: string;
  readonly asterisk: string;
}

export function exemptRoutes(
  app: Api,
  deps: { readonly phones: Defence['phones']; readonly allowed: Pick<AllowedAddresses, 'entryOf' | 'exempts'> },
): void {
  app.get(
    '/api/v1/allowlist/exempt',
    { schema: { summary: 'Extensions that are exempt from call limits now', response: { 200: list(exempt) } } },
    async (): Promise<readonly ExemptReport[]> => {
      const phones = await deps.phones();
      return phones
        .flatMap((phone) => {
          const entry = deps.allowed.entryOf(phone.address);
          return entry === undefined || !deps.allowed.exempts(entry) ? [] : [{ ...phone, entry: entry.name }];
        })
        .sort((one, other) => one.extension.localeCompare(other.extension, 'en', { numeric: true }));
    },
  );
}
