/** The policies that made-up traffic is replayed against: a starter pack as its site would have asked for it, and others. */
import { defaultPolicyDocument, type PolicyDocument, readPolicyDocument } from '../../src/policy/document.ts';
import { compilePolicy, type Policy } from '../../src/policy/policy.ts';
import { proposePack } from '../../src/policy/starter-packs.ts';
import { addTemplate, findTemplate } from '../../src/policy/templates.ts';
import { TRUNK } from './call.ts';
import type { Site } from './sites.ts';

const read = (value: unknown): PolicyDocument => {
  const document = readPolicyDocument(value);
  if ('problems' in document) throw new Error(JSON.stringify(document.problems));
  return document.document;
};

/** What every site has before it thinks of fraud: the default rule. */
const plain = (site: Site): PolicyDocument =>
  read({
    ...defaultPolicyDocument(),
    homeCountry: 'US',
    dialling: { outside: [], international: ['011'] },
    trunks: { [TRUNK]: {} },
    groups: { 'call-centre': { members: site.name === 'call-centre' ? site.extensions : [] } },
    extensions: Object.fromEntries(site.extensions.map((each) => [each, { permissions: ['international'] }])),
  });

export const defaultPolicy = (site: Site): Policy => compilePolicy(plain(site));

/**
 * With the figures that the pack has of itself, and the countries that the site knows.
 *
 * @param without ids of its rules, less the name of the pack, that are left out
 */
export function packPolicy(site: Site, without: readonly string[] = []): Policy {
  const proposal = proposePack(site.name, { knownCountries: [...site.knownCountries] }, plain(site));
  if (proposal === undefined) throw new Error('a site has a home country');
  const document = read(proposal.document);
  const out = new Set(without.map((id) => `${site.name}-${id}`));
  return compilePolicy({ ...document, rules: document.rules.filter(({ id }) => !out.has(id)) });
}

const SCENARIOS = ['call-centre', 'staff', 'after-hours', 'international', 'contractors', 'high-risk'];

/** The ready rules of a vendor's manual, all of them, as they are. */
export function scenarioPolicy(site: Site): Policy {
  const document = SCENARIOS.reduce((before, name) => {
    const template = findTemplate(name);
    const added = template && addTemplate(before, template, {});
    if (added === undefined || 'problems' in added) throw new Error(`${name} cannot be added`);
    return read(added.document);
  }, plain(site));
  return compilePolicy(document);
}
