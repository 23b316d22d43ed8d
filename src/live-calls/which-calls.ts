/** Which calls under way somebody means: said in words, and whether a call is among them. Pure. */
import { describeSubject, type Subject, showName } from '../policy/call.ts';
import { isBuiltInClass } from '../policy/destination-classes.ts';
import type { Policy } from '../policy/policy.ts';
import type { LiveCall } from './live-call.ts';

/** Which calls are meant. */
export type WhichCalls =
  | { readonly decision: string }
  | { readonly extension: string }
  | { readonly trunk: string }
  /** A number, a class such as `international` or `country:CU`, or the name of an own list. */
  | { readonly destination: string }
  /** Those that a rule counts on a subject. */
  | { readonly rule: string; readonly subject: Subject }
  | { readonly all: true };

/** Whether a call is among them. */
export function isMeant(call: LiveCall, which: WhichCalls, policy: Policy): boolean {
  const { request, receipt } = call;
  if ('decision' in which) return call.decision === which.decision;
  if ('extension' in which) return request.extension === which.extension;
  if ('trunk' in which) return request.trunk === which.trunk;
  if ('destination' in which) return isTo(call, which.destination, policy);
  if ('rule' in which) {
    const { rule, subject } = which;
    return (
      receipt?.items.some(
        (item) => item.rule === rule && item.subject.kind === subject.kind && item.subject.id === subject.id,
      ) ?? false
    );
  }
  return which.all;
}

function isTo({ request }: LiveCall, wanted: string, policy: Policy): boolean {
  const called = policy.readDestination(request.dialled);
  if (isBuiltInClass(wanted) || Object.hasOwn(policy.document.destinations, wanted)) return called.classes.has(wanted);
  const meant = policy.readDestination(wanted);
  return called.dialled === wanted || (called.e164 ?? called.number) === (meant.e164 ?? meant.number);
}

/** `extension 1001`, `every call`. */
export function describeWhich(which: WhichCalls): string {
  if ('decision' in which) return `call ${which.decision}`;
  if ('extension' in which) return `calls of extension ${showName(which.extension)}`;
  if ('trunk' in which) return `calls over trunk ${showName(which.trunk)}`;
  if ('destination' in which) return `calls to ${showName(which.destination)}`;
  if ('rule' in which) return `calls of ${describeSubject(which.subject)} that rule ${which.rule} counts`;
  return 'every call';
}
