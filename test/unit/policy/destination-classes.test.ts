import { describe, expect, it } from 'vitest';
import {
  BUILT_IN_CLASSES,
  type ClassifierOptions,
  createClassifier,
  describeDestination,
  isBuiltInClass,
  isCountryClass,
} from '../../../src/policy/destination-classes.ts';

const classifier = (options: Partial<ClassifierOptions>) =>
  createClassifier({ homeCountry: undefined, isOwnExtension: () => false, lists: {}, ...options });
const classesOf = (homeCountry: string | undefined, number: string): string =>
  [...classifier({ homeCountry })({ number, isEmergency: false }).classes].sort().join(' ');

interface Row {
  readonly name: string;
  readonly home: string | undefined;
  readonly number: string;
  readonly classes: string;
}
const row = (home: string | undefined, name: string, number: string, classes: string): Row => ({
  home,
  name,
  number,
  classes,
});

const ISLANDS = [
  ['242', 'BS'],
  ['246', 'BB'],
  ['264', 'AI'],
  ['268', 'AG'],
  ['284', 'VG'],
  ['340', 'VI'],
  ['345', 'KY'],
  ['441', 'BM'],
  ['473', 'GD'],
  ['649', 'TC'],
  ['658', 'JM'],
  ['664', 'MS'],
  ['670', 'MP'],
  ['671', 'GU'],
  ['684', 'AS'],
  ['721', 'SX'],
  ['758', 'LC'],
  ['767', 'DM'],
  ['784', 'VC'],
  ['787', 'PR'],
  ['809', 'DO'],
  ['829', 'DO'],
  ['849', 'DO'],
  ['868', 'TT'],
  ['869', 'KN'],
  ['876', 'JM'],
  ['939', 'PR'],
] as const;

const ROWS: readonly Row[] = [
  row('US', 'a neighbour', '3055550100', 'country:US national'),
  row('US', 'Canada', '16135550100', 'country:CA international'),
  row('US', 'Puerto Rico', '17875550100', 'country:PR international'),
  row('US', 'freephone', '18005550100', 'national tollfree'),
  row('US', 'freephone, another code', '8885550100', 'national tollfree'),
  row('US', 'pay-per-call', '19005551234', 'premium'),
  row('US', 'pay-per-call of one area', '13059765555', 'country:US premium'),
  row('US', 'a personal number of no country', '15005551234', 'national'),
  row('US', 'an area code that is nobody’s', '15551234567', 'unknown'),
  row('US', 'an international number', '+442079460000', 'country:GB international'),
  row('US', 'information', '411', 'shortcode'),
  row('US', 'a foreign number without its plus', '53712345678', 'unknown'),
  row('US', 'a star code before a number', '*6713055550100', 'unknown'),
  row('GB', 'a fixed line', '02079460000', 'country:GB national'),
  row('GB', 'a mobile', '07400123456', 'country:GB mobile national'),
  row('GB', 'a personal number that looks like a mobile', '07012345678', 'country:GB premium'),
  row('GB', 'a pager that looks like a mobile', '07612345678', 'country:GB premium'),
  row('GB', 'an Isle of Man mobile among the pagers', '07624123456', 'country:IM international mobile'),
  row('GB', 'a premium number', '09012345678', 'country:GB premium'),
  row('GB', 'a premium number with digits in excess', '0901234567899', 'country:GB premium'),
  row('GB', 'a premium number with a trunk prefix too many', '+4409012345678', 'country:GB premium'),
  row('GB', 'freephone', '08001111', 'country:GB national tollfree'),
  row('GB', 'freephone of another country', '+18005550100', 'international tollfree'),
  row('GB', 'directory enquiries', '118118', 'premium shortcode'),
  row('DE', 'a fixed line', '030123456', 'country:DE national'),
  row('DE', 'a mobile', '01711234567', 'country:DE mobile national'),
  row('DE', 'a premium number', '09001234567', 'country:DE premium'),
  row('DE', 'a short code', '115', 'shortcode'),
  row('FR', 'a mobile', '0612345678', 'country:FR mobile national'),
  row('FR', 'a premium number', '0899123456', 'country:FR premium'),
  row('IT', 'a fixed line', '0612345678', 'country:IT national'),
  row('IT', 'a premium number', '899123456', 'country:IT premium'),
  row('RU', 'a mobile', '89161234567', 'country:RU mobile national'),
  row('RU', 'Kazakhstan', '87011234567', 'country:KZ international mobile'),
  row('AU', 'a mobile', '0412345678', 'country:AU mobile national'),
  row('AU', 'a premium number', '1900123456', 'country:AU premium'),
  row('MX', 'any line', '5512345678', 'country:MX national'),
  row('BR', 'a mobile', '11912345678', 'country:BR mobile national'),
  row('IN', 'a mobile', '9876543210', 'country:IN mobile national'),
  row('IN', 'freephone', '1800123456', 'country:IN national tollfree'),
  row('FI', 'the Åland Islands', '+35818123456', 'country:AX national'),

  ...ISLANDS.map(([code, island]) =>
    row('US', 'an island that dials like home', `1${code}5550100`, `country:${island} international`),
  ),

  row('US', 'a premium number of Latvia', '+37190123456', 'country:LV international premium'),
  row('US', 'a premium number of Latvia with digits in excess', '+37190123456999', 'country:LV international premium'),
  row('US', 'a premium number of Austria', '+43900123456', 'country:AT international premium'),
  row('US', 'a premium number of Spain', '+34803123456', 'country:ES international premium'),
  row('US', 'a premium number of Belgium', '+3290012345', 'country:BE international premium'),
  row('US', 'international premium rate', '+979123456789', 'international premium'),
  row('US', 'a universal personal number', '+878101234567890', 'international premium'),
  row('US', 'international freephone', '+80012345678', 'international tollfree'),
  row('US', 'international shared cost', '+80812345678', 'international'),
  row('US', 'Inmarsat', '+870773123456', 'international satellite'),
  row('US', 'Iridium', '+881612345678', 'international satellite'),
  row('US', 'Thuraya', '+8821612345678', 'international satellite'),
  row('US', 'an international network', '+883510001234567', 'international satellite'),
  row('US', 'a satellite number that is far too short', '+8816', 'international satellite'),
  row('US', 'a country code that is nobody’s', '+999123456', 'international unknown'),
  row('GB', 'an area code behind +1 that is nobody’s', '+15551234567', 'international unknown'),

  row(undefined, 'a placed number without a home country', '+13055550100', 'country:US international'),
  row(undefined, 'a national number without a home country', '13055550100', 'unknown'),
  row(undefined, 'a short number without a home country', '2001', 'shortcode'),
  row('US', 'nothing', '', 'unknown'),
  row('US', 'a name', 'reception', 'unknown'),
  row('US', 'a plus', '+', 'unknown'),
];

describe('the classes of a destination', () => {
  it.each(ROWS)('from $home, $name ($number): $classes', ({ home, number, classes }) => {
    expect(classesOf(home, number)).toBe(classes);
  });

  it('of an emergency call are emergency alone, though a list names it', () => {
    const classify = classifier({ homeCountry: 'US', isOwnExtension: () => true, lists: { blocked: ['9', '911'] } });
    expect([...classify({ number: '911', isEmergency: true }).classes]).toEqual(['emergency']);
  });

  it('of an own extension are internal alone, though a list names it', () => {
    const classify = classifier({
      homeCountry: 'US',
      isOwnExtension: (number) => number === '2001',
      lists: { blocked: ['2'] },
    });
    expect([...classify({ number: '2001', isEmergency: false }).classes]).toEqual(['internal']);
    expect(classify({ number: '2002', isEmergency: false }).classes.has('internal')).toBe(false);
  });

  it('never make an international number internal', () => {
    const classify = classifier({ homeCountry: 'US', isOwnExtension: () => true });
    expect(classify({ number: '+53712345678', isEmergency: false }).classes.has('internal')).toBe(false);
  });

  it('have every own list with a prefix of the number, and name the longest that decided', () => {
    const classify = classifier({
      homeCountry: 'US',
      lists: { risky: ['+53', '+537'], cuba: ['+53'], short: ['41'], elsewhere: ['+1', '+531'] },
    });
    const havana = classify({ number: '+53712345678', isEmergency: false });
    expect([...havana.classes]).toEqual(['international', 'country:CU', 'risky', 'cuba']);
    expect(havana.decidedBy).toEqual([
      { class: 'risky', prefix: '+537' },
      { class: 'cuba', prefix: '+53' },
    ]);
    expect(classify({ number: '411', isEmergency: false }).decidedBy).toEqual([{ class: 'short', prefix: '41' }]);
  });

  it('have an own list whichever way the number was dialled', () => {
    const classify = classifier({ homeCountry: 'GB', lists: { personal: ['+4470'] } });
    for (const number of ['07012345678', '+447012345678', '+4407012345678', '447012345678', '00447012345678']) {
      expect(classify({ number, isEmergency: false }).classes.has('personal')).toBe(true);
    }
  });

  it('say by which prefix a line was known', () => {
    const classify = classifier({ homeCountry: 'GB' });
    expect(classify({ number: '07012345678', isEmergency: false }).decidedBy).toEqual([
      { class: 'premium', prefix: '+4470' },
    ]);
  });

  it('cannot be changed by who asked', () => {
    const found = classifier({ homeCountry: 'US' })({ number: '+53712345678', isEmergency: false });
    expect(Object.isFrozen(found)).toBe(true);
    expect(Object.isFrozen(found.decidedBy)).toBe(true);
  });

  it('are the same set of names as documents may use', () => {
    const named = ROWS.flatMap((each) => each.classes.split(' ')).filter((name) => !isCountryClass(name));
    expect([...new Set([...named, 'emergency', 'internal'])].sort()).toEqual([...BUILT_IN_CLASSES].sort());
  });
});

describe('a list', () => {
  it.each([...BUILT_IN_CLASSES, 'country:US', 'country:'])('cannot be called %s', (name) => {
    expect(isBuiltInClass(name)).toBe(true);
    expect(() => classifier({ lists: { [name]: ['+53'] } })).toThrow(RangeError);
  });

  it('can be called anything else', () => {
    for (const name of ['high-risk', 'constructor', '__proto__']) {
      const lists = Object.fromEntries([[name, ['+53']]]);
      expect(classifier({ lists })({ number: '+531', isEmergency: false }).classes.has(name)).toBe(true);
    }
  });
});

describe('the label of a destination', () => {
  const label = (homeCountry: string, number: string, lists: ClassifierOptions['lists'] = {}): string =>
    describeDestination(classifier({ homeCountry, lists })({ number, isEmergency: false }));

  it.each([
    ['US', '3055550100', 'United States, national'],
    ['US', '18765550100', 'Jamaica, international'],
    ['US', '18005550100', 'tollfree'],
    ['GB', '07012345678', 'United Kingdom, premium'],
    ['GB', '+881612345678', 'satellite'],
    ['GB', '+999123456', 'unknown'],
    ['US', '411', 'shortcode'],
    ['US', '', 'unknown'],
  ])('from %s, %s is %j', (home, number, text) => {
    expect(label(home, number)).toBe(text);
  });

  it('names up to two own lists', () => {
    expect(label('US', '+531', { 'high-risk': ['+53'] })).toBe('Cuba, international, high-risk');
    expect(label('US', '+531', { a: ['+53'], b: ['+5'], c: ['+531'] })).toBe('Cuba, international, c, a, …');
  });

  it('is one word for emergency and internal calls', () => {
    const classify = classifier({ isOwnExtension: () => true });
    expect(describeDestination(classify({ number: '112', isEmergency: true }))).toBe('emergency');
    expect(describeDestination(classify({ number: '2001', isEmergency: false }))).toBe('internal');
  });

  it('is given for anything that was kept of a classification', () => {
    expect(describeDestination({ country: 'nonsense', classes: new Set() })).toBe('nonsense');
    expect(describeDestination({ country: undefined, classes: new Set() })).toBe('');
  });
});
