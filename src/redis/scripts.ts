/**
 * Lua scripts as callable functions: read from `lua-scripts/`, sent by hash, sent in full when the server has not got them.
 *
 * Guarantees that a call costs one round trip, and two only after the server forgot its scripts (a restart, SCRIPT FLUSH,
 * a failover to a server that never had them). Knows nothing of what a script means: the typed function that knows the
 * order of KEYS and ARGV is built on the runner made here, one per script.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import { storeError } from './store-error.ts';

/** Where scripts run: one server (found by Sentinel or not), or a cluster. */
export type ScriptHost = Redis | Cluster;

/** Runs one script. Text in the reply arrives as strings. */
export type ScriptRunner = (
  redis: ScriptHost,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
) => Promise<unknown>;

export interface LuaScript {
  readonly name: string;
  readonly lua: string;
  /** SHA-1 of the text in hex, as EVALSHA wants it. */
  readonly sha: string;
}

/**
 * Reads `lua-scripts/NAME.lua` of the package. Both `src/redis` and `dist/redis` are two folders below its root.
 * @throws Error if there is no such script: a defect of the package, not of its surroundings.
 */
export function loadScript(name: string): LuaScript {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) throw new Error(`not the name of a script: ${name}`);
  return luaScript(name, readLua(name));
}

/** Reads `lua-scripts/parts/NAME.lua`, which scripts that share it are put behind. @throws Error as {@link loadScript} */
export const loadPart = (name: string): string => readLua(`parts/${name}`);

const readLua = (path: string): string =>
  readFileSync(new URL(`../../lua-scripts/${path}.lua`, import.meta.url), 'utf8');

/** A script from its text. */
export function luaScript(name: string, lua: string): LuaScript {
  return { name, lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/**
 * The runner of a script; with `reply: 'buffer'` strings in the reply arrive as `Buffer`, for binary values.
 *
 * A call rejects with a `TollgateError` `STORE_UNAVAILABLE` or `STORE_TIMEOUT` when the store is at fault, and with the
 * server's own error when the script is.
 */
export function createScript(
  script: string | LuaScript,
  options: { readonly reply?: 'text' | 'buffer' } = {},
): ScriptRunner {
  const { lua, sha } = typeof script === 'string' ? loadScript(script) : script;
  const binary = options.reply === 'buffer';
  const send = (command: 'evalsha' | 'eval', text: string, ...[redis, keys, args]: Parameters<ScriptRunner>) =>
    binary
      ? redis.callBuffer(command, text, keys.length, ...keys, ...args)
      : redis[command](text, keys.length, ...keys, ...args);
  // No async function: on the path of every call a bare promise measured a little cheaper.
  return (redis, keys, args) =>
    send('evalsha', sha, redis, keys, args)
      .catch((error: unknown) => {
        if (messageOf(error).startsWith('NOSCRIPT')) return send('eval', lua, redis, keys, args);
        throw error;
      })
      .catch((error: unknown) => {
        throw storeError(error);
      });
}
