/** Entries of the audit log as a file: JSON, an entry a line, which can be verified; or CSV for spreadsheets. Pure. */
import { guard, writeTable } from '../csv/table.ts';
import type { AuditRecord } from './audit-record.ts';

export const AUDIT_FORMATS = ['jsonl', 'csv'] as const;
export type AuditFormat = (typeof AUDIT_FORMATS)[number];

const COLUMNS = [
  'seq',
  'at',
  'writtenAt',
  'node',
  'by',
  'from',
  'action',
  'subject',
  'before',
  'after',
  'reason',
  'id',
  'previous',
  'hash',
] as const;

/** What stands before the first entry. */
export const auditFileHead = (format: AuditFormat): string => (format === 'csv' ? writeTable([COLUMNS]) : '');

export function auditFileLines(entries: readonly AuditRecord[], format: AuditFormat): string {
  if (entries.length === 0) return '';
  return format === 'csv'
    ? writeTable(entries.map(cellsOf))
    : entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

/** What people wrote is text, whatever a spreadsheet would make of it. */
const cellsOf = (entry: AuditRecord): string[] =>
  COLUMNS.map((column) => {
    const value = entry[column];
    if (value === null || value === undefined) return '';
    return guard(typeof value === 'object' ? JSON.stringify(value) : String(value));
  });
