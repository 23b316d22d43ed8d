/** What is asked of the packet filter, read: ports and presets, addresses and networks. */
import { formatNetwork, networksOf, readRange } from '../policy/addresses.ts';
import {
  DEFAULT_PRESETS,
  PORT_PRESET_NAMES,
  type PortPreset,
  type Ports,
  presetPorts,
  readPorts,
} from '../policy/port-presets.ts';
import { didYouMean, type Problem } from '../policy/problem.ts';
import { ProblemError } from './problem.ts';

/** @throws {ProblemError} with each that is none */
export function wantedPorts(body: {
  readonly ports: readonly string[];
  readonly presets: readonly string[];
}): readonly Ports[] {
  const problems: Problem[] = [];
  const own = body.ports.flatMap((text, at) => {
    const ports = readPorts(text);
    if (ports !== undefined) return [ports];
    problems.push({ path: `ports[${at}]`, message: `"${text}" is no port; write tcp/443 or udp/10000-20000` });
    return [];
  });
  const presets = body.presets.flatMap((name, at) => {
    if (isPreset(name)) return presetPorts(name);
    const message = `"${name}" is not known; ${didYouMean(name, PORT_PRESET_NAMES)}`;
    problems.push({ path: `presets[${at}]`, message });
    return [];
  });
  if (problems.length > 0) throw new ProblemError('INVALID_REQUEST', problems);
  const asked = [...own, ...presets];
  return asked.length > 0 ? asked : DEFAULT_PRESETS.flatMap(presetPorts);
}

const isPreset = (name: string): name is PortPreset => PORT_PRESET_NAMES.some((known) => known === name);

/** @throws {ProblemError} with each that is none */
export function wantedNetworks(texts: readonly string[]): readonly string[] {
  const problems: Problem[] = [];
  const networks = texts.flatMap((text, at) => {
    const read = readRange(text);
    if ('range' in read) return networksOf(read.range).map(formatNetwork);
    problems.push({ path: `reachable[${at}]`, message: `"${text}" ${read.problem}` });
    return [];
  });
  if (problems.length > 0) throw new ProblemError('INVALID_REQUEST', problems);
  return networks;
}
