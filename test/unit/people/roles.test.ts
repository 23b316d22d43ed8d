import { describe, expect, it } from 'vitest';
import { NEEDS, needOf } from '../../../src/api/permissions.ts';
import { PERMISSIONS, permissionsOf, ROLES, SCOPES } from '../../../src/people/roles.ts';

describe('a role', () => {
  it('of owner has everything; of every other less, and his own account', () => {
    expect([...permissionsOf('owner')]).toEqual([...PERMISSIONS]);
    for (const role of ROLES.slice(1)) {
      const permissions = permissionsOf(role);
      expect(permissions.has('own')).toBe(true);
      for (const never of ['users:manage', 'keys:manage', 'settings:write', 'policy:remove'] as const)
        expect([role, permissions.has(never)]).toEqual([role, false]);
    }
  });

  it('of viewer reads, and changes nothing', () => {
    const words = [...permissionsOf('viewer')].map((each) => each.split(':')[1]);
    expect(new Set(words)).toEqual(new Set(['read', 'check', 'own', undefined]));
  });

  it('of billing has reports and nothing else', () => {
    expect([...permissionsOf('billing')]).toEqual(['reports:read', 'own']);
  });
});

describe('several roles', () => {
  it('may what any of them may, and nothing else', () => {
    for (const one of ROLES)
      for (const other of ROLES) {
        const union = new Set([...permissionsOf(one), ...permissionsOf(other)]);
        expect([one, other, permissionsOf(one, other)]).toEqual([one, other, union]);
      }
    expect(permissionsOf().size).toBe(0);
  });
});

describe('a key', () => {
  it('is given no scope by which it could get more', () => {
    for (const never of ['own', 'audit:own', 'users:manage', 'keys:manage'] as const)
      expect(SCOPES).not.toContain(never);
    expect(SCOPES).toHaveLength(PERMISSIONS.length - 4);
  });
});

describe('a route', () => {
  it('that nobody gave a permission is a mistake, HEAD is as GET, and only the log-in, its looks and the description need nothing', () => {
    expect(() => needOf('GET', '/api/v1/new')).toThrow('GET /api/v1/new stands in no line of api/permissions.ts');
    expect(needOf('HEAD', '/api/v1/rules')).toBe('policy:read');
    expect([...NEEDS].filter(([, need]) => need === 'nobody').map(([route]) => route)).toEqual([
      'GET /api/v1/openapi.json',
      'GET /api/v1/branding',
      'GET /api/v1/branding/logo',
      'POST /api/v1/session',
    ]);
  });
});
