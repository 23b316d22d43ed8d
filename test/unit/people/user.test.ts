import { describe, expect, it } from 'vitest';
import { createPasswords, generatePassword } from '../../../src/people/password.ts';
import { needsSecondFactor, passwordProblem, readUsers, reportUser, type User } from '../../../src/people/user.ts';

const user: User = {
  name: 'anna',
  roles: ['viewer'],
  enabled: true,
  passwordHash: '$argon2id$secret-hash',
  passwordChangedAt: '2026-11-21T09:00:00.000Z',
  totp: { secret: 'SECRETSECRET', since: '2026-11-21T09:00:00.000Z' },
  backupCodes: ['hash-of-a-code'],
  epoch: 3,
  createdAt: '2026-11-21T09:00:00.000Z',
  createdBy: 'cli root',
};

describe('a password', () => {
  it('has 16 characters or more, counted as people count them', () => {
    expect(passwordProblem('fifteen letters', 'anna')).toContain('too short');
    expect(passwordProblem('sixteen  letters', 'anna')).toBeUndefined();
    expect(passwordProblem('🐎🔋🗻🌊'.repeat(3), 'anna')).toContain('too short');
    expect(passwordProblem('äöüßéèñçœøåłžýůř', 'anna')).toBeUndefined();
    expect(passwordProblem('x'.repeat(129), 'anna')).toContain('too long');
  });

  it('is not few characters, nor little more than the name of the user or of the program', () => {
    expect(passwordProblem('abababababababababab', 'anna')).toContain('different characters');
    expect(passwordProblem('Anastasia2-anastasia', 'anastasia')).toContain('little more than a name');
    expect(passwordProblem('tollgate-tollgate-1!', 'anna')).toContain('little more than a name');
    expect(passwordProblem('anastasia likes four plain words', 'anastasia')).toBeUndefined();
  });

  it('made by chance is good for everybody, and never the same', () => {
    const made = new Set(Array.from({ length: 200 }, generatePassword));
    expect(made.size).toBe(200);
    for (const password of made) {
      expect(password).toMatch(/^[A-HJ-NP-Za-km-z2-9]{24}$/);
      expect(passwordProblem(password, 'owner')).toBeUndefined();
    }
  });

  it('is kept as Argon2id with a salt of its own, and is the same however the keyboard writes it', async () => {
    const passwords = createPasswords();
    const [one, two] = [
      await passwords.hash('cafe\u0301 au lait, twice'),
      await passwords.hash('cafe\u0301 au lait, twice'),
    ];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
    expect(await passwords.verify(one, 'caf\u00e9 au lait, twice')).toBe(true);
    expect(await passwords.verify(one, 'cafe au lait, twice')).toBe(false);
  });

  it('of nobody is never right, and looking costs a hash all the same', async () => {
    const passwords = createPasswords();
    expect(await passwords.verify(undefined, '')).toBe(false);
    // Were nothing hashed for nobody, forty would not be too many at once.
    const many = await Promise.allSettled(Array.from({ length: 40 }, () => passwords.verify(undefined, 'x')));
    expect(many.filter(({ status }) => status === 'fulfilled')).toHaveLength(34);
    const refused = many.find((each) => each.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'TOO_MANY' });
    expect(await passwords.verify(undefined, 'x')).toBe(false);
  });
});

describe('a user', () => {
  it('is shown without anything that opens his account', () => {
    const shown = JSON.stringify(reportUser(user));
    for (const secret of ['argon2id', 'SECRETSECRET', 'hash-of-a-code', 'epoch']) expect(shown).not.toContain(secret);
    expect(reportUser(user)).toMatchObject({ name: 'anna', secondFactor: true, backupCodesLeft: 1 });
  });

  it('needs a second factor as an owner, and not as anything else', () => {
    expect(needsSecondFactor({ roles: ['owner'], totp: null })).toBe(true);
    expect(needsSecondFactor({ roles: ['owner', 'billing'], totp: null })).toBe(true);
    expect(needsSecondFactor({ roles: ['owner'], totp: user.totp })).toBe(false);
    expect(needsSecondFactor({ roles: ['operator', 'supervisor'], totp: null })).toBe(false);
  });

  it('from the store is read whole or not at all, and a sentence about it repeats no secret', () => {
    expect(readUsers({ users: [user] })).toEqual({ users: [user] });
    const bad = readUsers({ users: [{ ...user, passwordHash: 'plain text', roles: ['root'] }] });
    expect(bad).toMatchObject({ problem: expect.stringContaining('users[0].role') });
    expect(JSON.stringify(bad)).not.toContain('plain text');
  });

  it('has at least one role, each once and in the order of the table; who was stored with one has that one', () => {
    const { roles: _, ...bare } = user;
    const rolesOf = (stored: object): unknown => {
      const read = readUsers({ users: [stored] });
      return 'users' in read ? read.users[0]?.roles : read.problem;
    };
    expect(rolesOf({ ...bare, role: 'supervisor' })).toEqual(['supervisor']);
    expect(rolesOf({ ...bare, roles: ['billing', 'operator', 'billing'] })).toEqual(['operator', 'billing']);
    for (const bad of [bare, { ...bare, roles: [] }, { ...bare, role: 'root' }, { ...user, role: 'owner' }])
      expect(rolesOf(bad)).toEqual(expect.stringContaining('users[0]'));
  });
});
