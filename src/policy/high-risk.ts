/**
 * The shipped list of high-risk destinations: where toll fraud has been seen to send its calls.
 *
 * A starting point that a site edits, not a judgement of a country: most calls to these places are honest, and fraud
 * moves on to wherever nobody looks. Every entry names the public sources that name it; a destination without one is not
 * here. Left out although a source names them, because ordinary business calls them: Algeria, Iran, Morocco, Russia,
 * Senegal, Serbia, Tanzania and Ukraine; and Puerto Rico and the US Virgin Islands, which many carriers charge as
 * domestic. Of Latvia only ranges that are neither fixed lines nor mobiles.
 */

export type HighRiskReason = keyof typeof HIGH_RISK_REASONS;
export type HighRiskSource = keyof typeof HIGH_RISK_SOURCES;

export interface HighRiskPrefix {
  /** `+` and digits. */
  readonly prefix: string;
  /** Whose numbers these are, in English. */
  readonly name: string;
  readonly reason: HighRiskReason;
  readonly sources: readonly [HighRiskSource, ...HighRiskSource[]];
}

/** When the sources were last read and the list was last changed, ISO 8601. */
export const HIGH_RISK_REVIEWED = '2026-11-21';

export const HIGH_RISK_REASONS = {
  'revenue-share': 'hacked phone systems have been made to call it, for a share of what the call costs',
  'missed-call': 'calls that ring once provoke expensive calls back to it',
  'looks-domestic': 'dialled like a domestic number in North America and charged as an international one',
  satellite: 'a satellite or other network of no country, among the dearest calls there are',
  premium: 'the price of the call is set by whoever is called',
} as const;

interface Source {
  readonly title: string;
  readonly publisher: string;
  /** As precise as the source gives it, ISO 8601; undefined where it gives none. */
  readonly date: string | undefined;
  readonly url: string;
}

export const HIGH_RISK_SOURCES = {
  'bnetza-2017': {
    title: 'Order of free price announcements for 22 country codes; extended to 56 in 2019, in force until 2027-03-01',
    publisher: 'Bundesnetzagentur, as listed by Schwarzwälder Bote',
    date: '2017-12',
    url: 'https://www.schwarzwaelder-bote.de/inhalt.calw-betroffene-laendervorwahlen.959c6235-963c-482c-bfeb-781842f2216f.html',
  },
  'bnetza-2018': {
    title: 'Ausdehnung der Preisansage auf weitere Länder',
    publisher: 'Bundesnetzagentur',
    date: '2018-03-06',
    url: 'https://bundesnetzagentur.de/DE/Vportal/TK/Aerger/Aktuelles/Hinweise_aktuell/AktHinw2018/PreisansageAuslandgespraeche.html',
  },
  'bnetza-2018-belarus': {
    title: 'Billing ban for missed-call numbers of Belarus',
    publisher: 'Bundesnetzagentur, as reported by teltarif.de',
    date: '2018-05',
    url: 'https://www.teltarif.de/ping-anrufe-00375-weissrussland-verboten-sachsen/news/72767.html',
  },
  'cfca-2011': {
    title: 'Global Fraud Loss Survey 2011: the five countries where most fraudulent calls end',
    publisher: 'Communications Fraud Control Association, as reported by SecureLogix',
    date: '2012-08-27',
    url: 'https://securelogix.com/blog/collection/2012/8/27/annual-toll-fraud-report-and-some-comments',
  },
  'cisco-area-codes': {
    title: 'Blocking Commonly Exploited Area Codes',
    publisher: 'Cisco IP telephony course book',
    date: undefined,
    url: 'https://amp.flylib.com/books/en/2.110.1/blocking_commonly_exploited_area_codes.html',
  },
  'comreg-2004': {
    title: 'Irish authorities block direct dialling to South Pacific countries',
    publisher: 'ComReg, as reported by RNZ',
    date: '2004-09-22',
    url: 'https://www.rnz.co.nz/international/pacific-news/150807/irish-authorities-block-direct-dialling-calls-to-many-south-pacific-countries',
  },
  'cox-2014': {
    title: 'Carriers Block International Calls to Stop Traffic Pumping Fraud',
    publisher: 'TransNexus, on what Cox Communications blocks',
    date: '2014',
    url: 'https://www.transnexus.com/blog/2014/carriers-block-international-calls-to-stop-traffic-pumping-fraud/',
  },
  'crc-2018': {
    title: 'Information on telephone fraud',
    publisher: 'Communications Regulation Commission of Bulgaria',
    date: '2018-09-14',
    url: 'http://www.crc.bg/news.php?news_id=505&lang=en',
  },
  'fbi-2014': {
    title: 'Callback scheme used in international revenue share fraud',
    publisher: 'Federal Bureau of Investigation, as printed by County News Online',
    date: '2014-02',
    url: 'http://countynewsonline.org/news/2014/feb/fbi-callback-scheme021514.html',
  },
  'fcc-2019': {
    title: 'Warning about waves of one-ring calls',
    publisher: 'Federal Communications Commission, as printed by WCBD',
    date: '2019-05-06',
    url: 'https://www.counton2.com/news/nation-world/fcc-issues-warning-about-wave-of-one-ring-scam-robocalls/',
  },
  'ftc-2017': {
    title: 'Area codes of the one-ring scam',
    publisher: 'Federal Trade Commission, as reported by WPIX',
    date: '2017-03-10',
    url: 'http://pix11.com/2017/03/10/scam-alert-beware-unfamiliar-callers-with-these-area-codes/',
  },
  'icia-2017': {
    title: 'ComReg issues advice as Irish numbers report Wangiri scam calls',
    publisher: 'Irish Cellular Industry Association and ComReg, as reported by Silicon Republic',
    date: '2017-10-19',
    url: 'https://www.siliconrepublic.com/comms/ireland-phone-scam-calls',
  },
  'itu-e164': {
    title: 'List of Recommendation ITU-T E.164 assigned country codes',
    publisher: 'International Telecommunication Union',
    date: undefined,
    url: 'https://www.itu.int/pub/T-SP-E.164D',
  },
  'namibia-2017': {
    title: 'Telecom Namibia blocks calls to 17 countries to stop PABX hacking',
    publisher: 'Telecom Namibia, as reported by the Namibia Economist',
    date: '2017-02',
    url: 'https://economist.com.na/22399/extra/telcom-namibia-temporary-blocks-calls-to-17-countries/',
  },
  'ofcom-2019': {
    title: 'Cap on the price of calls to 070 numbers',
    publisher: 'Ofcom, as reported by Mobile World Live',
    date: '2019-10-02',
    url: 'https://www.mobileworldlive.com/featured-content/top-three/ofcom-takes-aim-at-scam-calls/',
  },
  'smartipx-2016': {
    title: 'The geography of fraud in 2016',
    publisher: 'Smart IPX',
    date: '2016',
    url: 'https://smartipx.com/the-geography-of-fraud-in-2016/',
  },
  'syniverse-2017': {
    title: 'Understanding the Global Threat of Mobile Fraud: where most fraudulent calls end',
    publisher: 'Syniverse, as reported by 5G Technology World',
    date: '2017-01',
    url: 'https://www.5gtechnologyworld.com/u-s-tops-list-of-mobile-fraud-originators-report-says/',
  },
} as const satisfies Readonly<Record<string, Source>>;

type Row = readonly [prefix: string, name: string, reason: HighRiskReason, ...sources: HighRiskPrefix['sources']];

/** By prefix, as text is sorted. */
const ROWS: readonly Row[] = [
  ['+1242', 'Bahamas', 'looks-domestic', 'cisco-area-codes'],
  ['+1246', 'Barbados', 'looks-domestic', 'cisco-area-codes', 'fbi-2014'],
  ['+1264', 'Anguilla', 'looks-domestic', 'cisco-area-codes', 'fbi-2014'],
  ['+1268', 'Antigua & Barbuda', 'looks-domestic', 'cisco-area-codes', 'fbi-2014', 'ftc-2017'],
  ['+1284', 'British Virgin Islands', 'looks-domestic', 'cisco-area-codes', 'fbi-2014', 'ftc-2017'],
  ['+1345', 'Cayman Islands', 'looks-domestic', 'cisco-area-codes', 'smartipx-2016'],
  ['+1441', 'Bermuda', 'looks-domestic', 'cisco-area-codes'],
  ['+1473', 'Grenada', 'looks-domestic', 'cisco-area-codes', 'fbi-2014', 'ftc-2017'],
  ['+1649', 'Turks & Caicos Islands', 'looks-domestic', 'cisco-area-codes', 'fbi-2014', 'ftc-2017'],
  ['+1658', 'Jamaica', 'looks-domestic', 'cisco-area-codes', 'ftc-2017'],
  ['+1664', 'Montserrat', 'looks-domestic', 'cisco-area-codes', 'fbi-2014', 'ftc-2017'],
  ['+1758', 'St. Lucia', 'looks-domestic', 'cisco-area-codes'],
  ['+1767', 'Dominica', 'looks-domestic', 'cisco-area-codes', 'fbi-2014', 'ftc-2017'],
  ['+1784', 'St. Vincent & Grenadines', 'looks-domestic', 'cisco-area-codes'],
  ['+1809', 'Dominican Republic', 'looks-domestic', 'cisco-area-codes', 'ftc-2017'],
  ['+1829', 'Dominican Republic', 'looks-domestic', 'ftc-2017'],
  ['+1849', 'Dominican Republic', 'looks-domestic', 'ftc-2017'],
  ['+1868', 'Trinidad & Tobago', 'looks-domestic', 'cisco-area-codes'],
  ['+1869', 'St. Kitts & Nevis', 'looks-domestic', 'cisco-area-codes', 'smartipx-2016'],
  ['+1876', 'Jamaica', 'looks-domestic', 'cisco-area-codes', 'ftc-2017'],
  ['+1900', 'North American pay-per-call', 'premium', 'cisco-area-codes'],
  ['+216', 'Tunisia', 'revenue-share', 'namibia-2017', 'syniverse-2017', 'bnetza-2017'],
  ['+220', 'Gambia', 'revenue-share', 'cox-2014'],
  ['+222', 'Mauritania', 'missed-call', 'fcc-2019'],
  ['+223', 'Mali', 'missed-call', 'bnetza-2017'],
  ['+224', 'Guinea', 'revenue-share', 'cox-2014', 'namibia-2017', 'bnetza-2017'],
  ['+225', 'Côte d’Ivoire', 'missed-call', 'bnetza-2017'],
  ['+226', 'Burkina Faso', 'revenue-share', 'namibia-2017'],
  ['+229', 'Benin', 'missed-call', 'bnetza-2017', 'crc-2018'],
  ['+231', 'Liberia', 'missed-call', 'bnetza-2017', 'icia-2017'],
  ['+232', 'Sierra Leone', 'revenue-share', 'cfca-2011', 'cox-2014', 'namibia-2017', 'fcc-2019'],
  ['+235', 'Chad', 'revenue-share', 'syniverse-2017'],
  ['+236', 'Central African Republic', 'revenue-share', 'cox-2014'],
  ['+239', 'São Tomé & Príncipe', 'revenue-share', 'cox-2014', 'namibia-2017'],
  ['+240', 'Equatorial Guinea', 'missed-call', 'crc-2018'],
  ['+244', 'Angola', 'revenue-share', 'namibia-2017'],
  ['+245', 'Guinea-Bissau', 'missed-call', 'bnetza-2018', 'smartipx-2016'],
  ['+248', 'Seychelles', 'revenue-share', 'cox-2014', 'bnetza-2017'],
  ['+249', 'Sudan', 'missed-call', 'bnetza-2017'],
  ['+252', 'Somalia', 'revenue-share', 'cfca-2011', 'cox-2014', 'namibia-2017', 'syniverse-2017'],
  ['+256', 'Uganda', 'revenue-share', 'namibia-2017', 'bnetza-2017'],
  ['+257', 'Burundi', 'revenue-share', 'namibia-2017'],
  ['+261', 'Madagascar', 'missed-call', 'bnetza-2017'],
  ['+263', 'Zimbabwe', 'revenue-share', 'cfca-2011', 'bnetza-2018'],
  ['+269', 'Comoros', 'missed-call', 'bnetza-2018', 'icia-2017', 'smartipx-2016'],
  ['+291', 'Eritrea', 'revenue-share', 'smartipx-2016'],
  ['+355', 'Albania', 'revenue-share', 'namibia-2017', 'smartipx-2016', 'bnetza-2017'],
  ['+3717', 'Latvia', 'revenue-share', 'cfca-2011', 'syniverse-2017'],
  ['+3718', 'Latvia', 'revenue-share', 'cfca-2011', 'syniverse-2017'],
  ['+3719', 'Latvia', 'revenue-share', 'cfca-2011', 'syniverse-2017'],
  ['+375', 'Belarus', 'missed-call', 'bnetza-2018-belarus'],
  ['+377', 'Monaco', 'revenue-share', 'cox-2014', 'namibia-2017'],
  ['+387', 'Bosnia & Herzegovina', 'revenue-share', 'namibia-2017', 'smartipx-2016', 'bnetza-2017'],
  ['+389', 'North Macedonia', 'revenue-share', 'namibia-2017', 'bnetza-2017'],
  ['+4470', 'United Kingdom personal numbers', 'premium', 'ofcom-2019'],
  ['+509', 'Haiti', 'missed-call', 'bnetza-2018', 'smartipx-2016'],
  ['+53', 'Cuba', 'revenue-share', 'cfca-2011', 'namibia-2017', 'syniverse-2017'],
  ['+592', 'Guyana', 'revenue-share', 'namibia-2017', 'bnetza-2018'],
  ['+6723', 'Norfolk Island', 'revenue-share', 'comreg-2004'],
  ['+674', 'Nauru', 'missed-call', 'bnetza-2018', 'crc-2018', 'comreg-2004'],
  ['+675', 'Papua New Guinea', 'revenue-share', 'namibia-2017'],
  ['+676', 'Tonga', 'missed-call', 'bnetza-2018'],
  ['+677', 'Solomon Islands', 'revenue-share', 'comreg-2004'],
  ['+681', 'Wallis & Futuna', 'revenue-share', 'comreg-2004'],
  ['+682', 'Cook Islands', 'revenue-share', 'comreg-2004'],
  ['+685', 'Samoa', 'missed-call', 'bnetza-2018'],
  ['+686', 'Kiribati', 'revenue-share', 'comreg-2004'],
  ['+688', 'Tuvalu', 'revenue-share', 'comreg-2004'],
  ['+689', 'French Polynesia', 'revenue-share', 'comreg-2004'],
  ['+690', 'Tokelau', 'revenue-share', 'comreg-2004'],
  ['+691', 'Micronesia', 'missed-call', 'bnetza-2018'],
  ['+870', 'Inmarsat', 'satellite', 'itu-e164'],
  ['+878', 'universal personal numbers', 'premium', 'itu-e164'],
  ['+881', 'global mobile satellite systems', 'satellite', 'itu-e164', 'bnetza-2017'],
  ['+882', 'international networks', 'satellite', 'itu-e164'],
  ['+883', 'international networks', 'satellite', 'itu-e164'],
  ['+93', 'Afghanistan', 'revenue-share', 'syniverse-2017'],
  ['+960', 'Maldives', 'revenue-share', 'cox-2014', 'bnetza-2017'],
  ['+967', 'Yemen', 'missed-call', 'bnetza-2017'],
  ['+979', 'international premium rate', 'premium', 'itu-e164'],
  ['+994', 'Azerbaijan', 'revenue-share', 'cox-2014', 'smartipx-2016'],
];

export const HIGH_RISK_PREFIXES: readonly HighRiskPrefix[] = Object.freeze(
  ROWS.map(([prefix, name, reason, ...sources]) => Object.freeze({ prefix, name, reason, sources })),
);
