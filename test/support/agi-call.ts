/** One call as the dialplan asks about it: a request as Asterisk sends it, the variables of the answer. */
import { AGI_ARGUMENTS, type AgiArgument } from '../../src/asterisk/channel-variables.ts';
import { askAsAsterisk } from './agi-client.ts';
import { writeEnvironment } from './agi-environment.ts';

let lastCall = 0;

export interface AgiCall extends Partial<Record<AgiArgument, string>> {
  readonly channel?: string;
  /** Default: a call that never asked before. */
  readonly uniqueId?: string;
  /** Default: `check`. */
  readonly request?: string;
}

/** @returns the channel variables that the answer sets; none when the daemon closed without an answer */
export async function placeAgiCall(port: number, call: AgiCall): Promise<Readonly<Record<string, string>>> {
  const script = call.request ?? 'check';
  const environment = writeEnvironment([
    ['agi_network', 'yes'],
    ['agi_network_script', script],
    ['agi_request', `agi://127.0.0.1:${port}/${script}`],
    ['agi_channel', call.channel ?? 'PJSIP/1001-0000002a'],
    ['agi_uniqueid', call.uniqueId ?? `${process.pid}.${++lastCall}`],
    ['agi_callerid', '1001'],
    ...AGI_ARGUMENTS.map((name, index) => [`agi_arg_${index + 1}`, call[name] ?? ''] as const),
  ]);
  const answer = await askAsAsterisk({ host: '127.0.0.1', port }, environment);
  const pairs = /^EXEC MSet "(.*)"$/m.exec(answer)?.[1]?.split(',') ?? [];
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}
