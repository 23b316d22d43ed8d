import { expect, it } from 'vitest';
import { readCallCode } from '../../../src/vicidial/call-code.ts';

it.each([
  ['V1120103000000004711', 'V1120103000000004711', '4711'],
  ['M1120103000000004711 1001 SALES', 'M1120103000000004711', '4711'],
  ['Y1120103009999999999', 'Y1120103009999999999', '9999999999'],
  ['V1120103000000000000', 'V1120103000000000000', undefined],
  ['DC123456W0000004711W', 'DC123456W0000004711W', '4711'],
  ['DV123456Wagent-7W', 'DV123456Wagent-7W', undefined],
])('the code %s is read with its lead', (name, code, lead) => {
  expect(readCallCode(name)).toEqual({ code, lead });
});

it.each([
  '',
  ' V1120103000000004711',
  'Anna',
  'V112010300000000471',
  'V11201030000000047112',
  'v1120103000000004711',
  "V112010300000000471'",
  `DC123456W${'a'.repeat(30)}W`,
])('%j is no code', (name) => {
  expect(readCallCode(name)).toBeUndefined();
});
