/**
 * Every key that Tollgate writes, in one place. All keys of a tenant share one hash tag, so that the keys of one
 * decision live on one shard of a cluster.
 */

export interface Keys {
  /** Charges that a call has paid; kept for minutes. */
  readonly call: (callId: string, destination: string) => string;
  /** @param generation raised when the rule is reset, so that all its buckets are full again at once */
  readonly bucket: (rule: string, generation: number, subject: string) => string;
  /** The ring of a rule that counts in rolling windows. */
  readonly ring: (rule: string, generation: number, subject: string) => string;
  /** Places that calls gave back in the bucket of a paced rule. */
  readonly places: (rule: string, generation: number, subject: string) => string;
  /** Hash of what a call has been charged of budgets, by tag of the charge; kept for days. */
  readonly spent: (callId: string, destination: string) => string;
  /** The window of a budget. */
  readonly budget: (rule: string, generation: number, subject: string, what: string) => string;
  /** Hash of the rate sheet: version, document, changedAt, changedBy. */
  readonly rates: string;
  /** Calls under way that a ceiling counts. */
  readonly leases: (rule: string, generation: number, subject: string) => string;
  /** When a call of this outcome began to hold its subject. */
  readonly hold: (rule: string, generation: number, subject: string, outcome: string) => string;
  /** Hash of one approval: `approval`, `voices` of those who approved, `resumedAt` and, once settled, `settlement`. */
  readonly approval: (id: string) => string;
  /** Sorted set of approvals that are open, by when they expire. */
  readonly openApprovals: string;
  /** Sorted set of the latest approvals, by when they were opened. */
  readonly allApprovals: string;
  /** Stream of what became of approvals and grants, for those who follow. */
  readonly approvalNotes: string;
  /** Hash of what was granted beside approvals, by id; JSON. */
  readonly grants: string;
  /** What links of approvals are signed with. */
  readonly linkSecret: string;
  /** Mark of a link that somebody decided by. */
  readonly usedLink: (nonce: string) => string;
  /** Hash of the calls under way on one node, by decision id. */
  readonly liveCalls: (node: string) => string;
  /** Hash of when each node with calls under way was last there, in ms. */
  readonly liveNodes: string;
  /** An order to end calls, JSON; list of what became of each, JSON. For seconds. */
  readonly endOrder: (id: string) => string;
  readonly endAnswers: (id: string) => string;
  /** Hash of locks in force, by rule and subject; JSON. */
  readonly locks: string;
  /** Sorted set of the calls that a rule with a lockout refused, by when it did. */
  readonly refusals: (rule: string, generation: number, subject: string) => string;
  /** When a subject last had an answered call to a place; u48 epoch ms; kept for a year. */
  readonly reached: (subject: string, place: string) => string;
  /** What the keys of all of these begin with; a place, a colon and a subject follow. */
  readonly reachedBegin: string;
  /** When one node last saw its calls under way, epoch ms. */
  readonly liveCallsSeen: (node: string) => string;
  /** Hash of the policy in force: version, document (policy and generations), changedAt, changedBy. */
  readonly policy: string;
  /** Hash of the settings of the defence: version, document, changedAt, changedBy. */
  readonly settings: string;
  /** Hash of what else the packet filter of one node should do: version, document, changedAt, changedBy. */
  readonly firewallPlan: (node: string) => string;
  /** Hash of the address allowlist: version, document, changedAt, changedBy. */
  readonly allowlist: string;
  /** Hash of when each entry of the allowlist was last hit, by id, in ms. */
  readonly allowlistHits: string;
  /** Hash of the state of the ban list: epoch, sequence, stamp of the last change. */
  readonly banState: string;
  /** Hash of the bans in force, by address. */
  readonly bans: string;
  /** Sorted set of the bans that end by themselves, by the time they do. */
  readonly banEnds: string;
  /** Hash of the evidence of the bans in force, by address. */
  readonly banEvidence: string;
  /** Stream of the last changes of the ban list. */
  readonly banLog: string;
  /** How often an address was banned; kept for months. */
  readonly banCount: (address: string) => string;
  /** Hash of when each ban was last hit, by address, in ms. */
  readonly banHits: string;
  /** Hash of who is left alone by automatic bans, by address: until and since in ms, and who said so. */
  readonly banAlone: string;
  /** Hash of what is counted of hostile events, by service and address, network, or account; binary. */
  readonly offences: (of: 'addresses' | 'networks' | 'accounts') => string;
  /** Hash of when somebody was last let in, by service, address and account, in ms. */
  readonly lastSuccesses: string;
  /** Mark of who does something that one daemon alone does; kept for seconds to hours. */
  readonly claim: (what: string) => string;
  /** Addresses of phones and trunks as one node knows them. */
  readonly knownPeers: (node: string) => string;
  /** Hash of when each node last wrote its known peers. */
  readonly peerNodes: string;
  /** List of reports to staff about addresses and accounts, newest first. */
  readonly defenceReports: string;
  /** Hash of incidents by id, JSON; hash of the latest id by what it is about; two sorted sets, when each is to be looked at again and when it last changed. */
  readonly alertIncidents: string;
  readonly alertKeys: string;
  readonly alertDue: string;
  readonly alertHistory: string;
  /** Of one channel: sorted set of incidents with messages waiting, by when the first is due; hash of attempts; hash of its state. */
  readonly alertSends: (channel: string) => string;
  readonly alertAttempts: (channel: string) => string;
  readonly alertChannel: (channel: string) => string;
  /** List of the messages of one incident that wait for one channel, in their order; JSON. */
  readonly alertQueue: (channel: string, incident: string) => string;
  /** List of messages that were given up, newest first; JSON. */
  readonly alertDead: string;
  /** What links of alerts are signed with. */
  readonly alertSecret: string;
  /** Hash of users, and of API keys: version, document, changedAt, changedBy. */
  readonly users: string;
  readonly apiKeys: string;
  /** Hash of when each user, or API key, was last seen, in ms. */
  readonly usersSeen: string;
  readonly apiKeysSeen: string;
  /** Hash of log-ins that last, by the SHA-256 of the cookie; JSON. */
  readonly sessions: string;
  /** Sorted set of the addresses that a user has logged in from, by when he last did. */
  readonly logInPlaces: (user: string) => string;
  /** Hash of the log-ins tried in one stretch of time, by address and by name. */
  readonly logIns: (stretch: number) => string;
  /** The secret of a second factor that is being set up. */
  readonly newTotp: (user: string) => string;
  /** Mark of a one-time code that was used. */
  readonly usedTotp: (user: string, step: number) => string;
  /** Mark of an extension that has called a country; kept for months. */
  readonly calledCountries: (extension: string, country: string) => string;
  /** Hash of when each daemon was last alive, and which versions of the common documents it has in force. */
  readonly nodes: string;
  /** Hash of what happened in the minutes of an hour. @param hour `2026-11-21T09`, UTC */
  readonly minuteCounts: (hour: string) => string;
  /** Hash of the limits that each node saw nearest to their end, by node; JSON. */
  readonly fullestLimits: string;
  /** Answer to a request that may be sent again, encrypted; kept for an hour. */
  readonly answered: (request: string) => string;
  /** Hash of the logo of the log-in page: type, file in base64, digest, bytes. */
  readonly logo: string;
  /** Stream of what is told live; mark that somebody watches. */
  readonly events: string;
  readonly eventsWatched: string;
  /** Stream of the entries of the audit log. */
  readonly audit: string;
  /** What is to take the place of a stream, while it is prepared; for minutes. */
  readonly prepared: (stream: string) => string;
  /** Stream of decisions that are kept in full. */
  readonly journal: string;
  /** List of the last outages of the store, newest first. */
  readonly outages: string;
  /** Hash of counts for one hour, `2026-11-21T09`; fields `09:41|rule|verdict`. */
  readonly counts: (hour: string) => string;
  /** Never there: what a heartbeat asks the store to delete. */
  readonly probe: string;
  /** Mark that every change was written up to here, for the moment in which its copies are awaited. */
  readonly copied: string;
  /** Sorted set of what became of kept decisions: id, a letter, JSON. */
  readonly journalSequels: string;
  /** Hash of when a call last failed on each trunk, in ms. */
  readonly trunkFailures: string;
  /** Hash of what the calls of one day cost, `2026-11-21`. */
  readonly costs: (day: string) => string;
  /** Mark of a batch that was written to the journal. */
  readonly journalBatch: (id: string) => string;
}

/**
 * The field of the hash of locks for a rule and a subject. Of an even length, because charges of an odd one count in
 * buckets: see take-limits.lua.
 *
 * @param subject as keys have it
 */
export function lockField(rule: string, subject: string): string {
  const field = `${rule} ${subject}`;
  return Buffer.byteLength(field) % 2 === 0 ? field : `${field} `;
}

/** @param prefix and tenant hold no braces or blanks; the configuration sees to it. */
export function createKeys(options: { readonly prefix: string; readonly tenant: string }): Keys {
  const base = `${options.prefix}:{${options.tenant}}`;
  const counted =
    (letter: string) =>
    (rule: string, generation: number, subject: string): string =>
      `${base}:${letter}:${rule}${generation === 0 ? '' : `~${generation}`}:${subject}`;
  return {
    call: (callId, destination) => `${base}:c:${callId}:${destination}`,
    bucket: counted('b'),
    ring: counted('w'),
    places: counted('f'),
    leases: counted('l'),
    spent: (callId, destination) => `${base}:s:${callId}:${destination}`,
    budget: (rule, generation, subject, what) => `${counted('m')(rule, generation, subject)}:${what}`,
    rates: `${base}:rates`,
    hold: (rule, generation, subject, outcome) => `${counted('h')(rule, generation, subject)}:${outcome}`,
    approval: (id) => `${base}:a:${id}`,
    openApprovals: `${base}:approvals:open`,
    allApprovals: `${base}:approvals:all`,
    approvalNotes: `${base}:approvals:notes`,
    grants: `${base}:grants`,
    linkSecret: `${base}:links:secret`,
    usedLink: (nonce) => `${base}:links:used:${nonce}`,
    liveCalls: (node) => `${base}:live:${node}`,
    liveNodes: `${base}:live`,
    endOrder: (id) => `${base}:end:${id}`,
    endAnswers: (id) => `${base}:ended:${id}`,
    locks: `${base}:locks`,
    refusals: counted('r'),
    reachedBegin: `${base}:y:`,
    reached: (subject, place) => `${base}:y:${place}:${subject}`,
    liveCallsSeen: (node) => `${base}:live-seen:${node}`,
    policy: `${base}:policy`,
    settings: `${base}:settings`,
    firewallPlan: (node) => `${base}:firewall:${node}`,
    allowlist: `${base}:allowlist`,
    allowlistHits: `${base}:allowlist:hits`,
    banState: `${base}:bans:state`,
    bans: `${base}:bans`,
    banEnds: `${base}:bans:ends`,
    banEvidence: `${base}:bans:evidence`,
    banLog: `${base}:bans:log`,
    banCount: (address) => `${base}:bans:times:${address}`,
    banHits: `${base}:bans:hits`,
    banAlone: `${base}:bans:alone`,
    offences: (of) => `${base}:offences:${of}`,
    lastSuccesses: `${base}:successes`,
    claim: (what) => `${base}:claim:${what}`,
    knownPeers: (node) => `${base}:peers:${node}`,
    peerNodes: `${base}:peers`,
    defenceReports: `${base}:bans:reports`,
    alertIncidents: `${base}:alerts`,
    alertKeys: `${base}:alerts:keys`,
    alertDue: `${base}:alerts:due`,
    alertHistory: `${base}:alerts:history`,
    alertSends: (channel) => `${base}:alerts:sends:${channel}`,
    alertAttempts: (channel) => `${base}:alerts:attempts:${channel}`,
    alertChannel: (channel) => `${base}:alerts:channel:${channel}`,
    alertQueue: (channel, incident) => `${base}:alerts:queue:${channel}:${incident}`,
    alertDead: `${base}:alerts:dead`,
    alertSecret: `${base}:alerts:secret`,
    users: `${base}:users`,
    apiKeys: `${base}:keys`,
    usersSeen: `${base}:users:seen`,
    apiKeysSeen: `${base}:keys:seen`,
    sessions: `${base}:sessions`,
    logInPlaces: (user) => `${base}:log-ins:from:${user}`,
    logIns: (stretch) => `${base}:log-ins:${stretch}`,
    newTotp: (user) => `${base}:totp:new:${user}`,
    usedTotp: (user, step) => `${base}:totp:used:${user}:${step}`,
    calledCountries: (extension, country) => `${base}:called:${country}:${extension}`,
    nodes: `${base}:nodes`,
    minuteCounts: (hour) => `${base}:minutes:${hour}`,
    fullestLimits: `${base}:fullest`,
    answered: (request) => `${base}:answered:${request}`,
    logo: `${base}:logo`,
    events: `${base}:events`,
    eventsWatched: `${base}:events:watched`,
    audit: `${base}:audit`,
    prepared: (stream) => `${base}:prepared:${stream}`,
    journal: `${base}:journal`,
    outages: `${base}:outages`,
    probe: `${base}:probe`,
    copied: `${base}:copied`,
    journalSequels: `${base}:journal:sequels`,
    trunkFailures: `${base}:trunks:failed`,
    costs: (day) => `${base}:costs:${day}`,
    journalBatch: (id) => `${base}:j:${id}`,
    counts: (hour) => `${base}:n:${hour}`,
  };
}
