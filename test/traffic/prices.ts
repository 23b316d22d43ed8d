/**
 * A rate sheet for made-up traffic of a site in the United States: own figures, of the size that such sheets have, and of
 * no carrier. Dollars a minute, with a fee at the start and billing steps where they matter.
 *
 * The attacks call what is dear here; the honest calls what people call.
 */

/** As `tollgate rates import` reads it. */
export interface Price {
  readonly prefix: string;
  readonly perMinute: number;
  readonly connection: number;
  /** Seconds: the first step, and each further one. */
  readonly steps: readonly [first: number, further: number];
}

type Row = readonly [prefixes: string, perMinute: number, connection?: number, first?: number, further?: number];

const ROWS: readonly Row[] = [
  // North America: national, freephone, Canada; then what looks national and is not.
  ['1', 0.012, 0, 6, 6],
  ['1800 1833 1844 1855 1866 1877 1888', 0],
  [
    '1204 1226 1236 1249 1250 1289 1306 1343 1365 1403 1416 1418 1437 1450 1506 1514 1519 1604 1613 1647 1705 1709',
    0.016,
  ],
  ['1242 1246 1264 1268 1284 1345 1441 1473 1649 1664 1758 1767 1784 1868 1869', 0.34, 0, 60, 60],
  ['1809 1829 1849', 0.12, 0, 30, 6],
  ['1876 1658', 0.29, 0, 30, 6],
  ['1900', 3.5, 1, 60, 60],
  // Where business goes.
  ['44', 0.021],
  ['447', 0.034],
  ['4470', 1.15, 0.1, 60, 60],
  ['49', 0.023],
  ['4915 4916 4917', 0.048],
  ['33', 0.022],
  ['336 337', 0.052],
  ['39', 0.026],
  ['393', 0.14],
  ['34', 0.024],
  ['346', 0.06],
  ['31', 0.025],
  ['316', 0.09],
  ['41', 0.036],
  ['417', 0.24],
  ['43', 0.031],
  ['436', 0.19],
  ['48', 0.03],
  ['52', 0.035, 0, 60, 60],
  ['55', 0.045],
  ['54', 0.06],
  ['57', 0.055],
  ['56', 0.07],
  ['51', 0.065],
  ['81', 0.065],
  ['82', 0.045],
  ['86', 0.028],
  ['852 65', 0.032],
  ['886', 0.05],
  ['91', 0.026],
  ['61', 0.038],
  ['64', 0.045],
  ['27', 0.11],
  ['972', 0.03],
  ['971', 0.21],
  ['966', 0.19],
  ['90', 0.13],
  ['20', 0.16],
  ['254', 0.19],
  ['233', 0.27],
  ['63', 0.17],
  ['84', 0.11],
  ['66', 0.06],
  ['62', 0.09],
  ['60', 0.035],
  ['92', 0.15],
  ['880', 0.06],
  ['7', 0.11],
  ['380', 0.22],
  ['40 359 36 420 421 30 351 353 46 47 45 358 32 352', 0.05],
  ['354 357 370 372 385 386', 0.06],
  ['94 95 977 855 856', 0.17],
  ['962 965 968 973 974', 0.16],
  ['212 221 234 237 250 251 255 260 264 267', 0.29],
  ['503 502 504 505 506 507', 0.19],
  ['593 591 595 598 58', 0.21],
  // Where stolen calls end.
  ['216', 0.82, 0, 60, 1],
  ['220 224 232 236 239 245 257', 0.88, 0, 60, 1],
  ['222 223 225 226 229 231 235 240 244', 0.62, 0, 60, 1],
  ['248 261 263 269 291', 0.74, 0, 60, 1],
  ['249 256', 0.41, 0, 60, 1],
  ['252', 0.94, 0, 60, 1],
  ['355', 0.55, 0, 60, 1],
  ['371', 0.11],
  ['3717 3718 3719', 0.96, 0, 60, 60],
  ['375', 0.58, 0, 60, 1],
  ['377', 0.48, 0, 60, 1],
  ['387 389', 0.59, 0, 60, 1],
  ['509 592', 0.47, 0, 60, 1],
  ['53', 0.98, 0, 60, 60],
  ['6723 674 675 676 677 681 682 685 686 688 689 690 691', 1.65, 0, 60, 60],
  ['870 881 882 883', 6.4, 0, 60, 60],
  ['878 979', 3.2, 0.5, 60, 60],
  ['93 967', 0.39, 0, 60, 1],
  ['960', 1.24, 0, 60, 1],
  ['994', 0.52, 0, 60, 1],
];

export const PRICES: readonly Price[] = ROWS.flatMap(([prefixes, perMinute, connection = 0, first = 1, further = 1]) =>
  prefixes.split(' ').map((prefix): Price => ({ prefix, perMinute, connection, steps: [first, further] })),
);

/** As a carrier would send it, for `tollgate rates import` and `simulate --rates`. */
export const rateFile = (): string =>
  [
    'prefix,price,connection,increments,currency',
    ...PRICES.map(
      ({ prefix, perMinute, connection, steps: [first, further] }) =>
        `${prefix},${perMinute},${connection},${first}/${further},USD`,
    ),
    '',
  ].join('\n');
