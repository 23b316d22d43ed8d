/**
 * Commands without a key, sent to the server that has a given key.
 *
 * A cluster sends such a command (TIME, INFO, WAIT) to any of its servers; the time of another shard, or the replicas of
 * another primary, are of no use. Knows nothing of what the commands mean.
 */
import { Command, type Redis } from 'ioredis';

class CommandAt extends Command {
  readonly #words: readonly string[];

  constructor(key: string, words: readonly string[]) {
    // For the client this is a command with a key, by which it finds the server.
    super('del', [key], { replyEncoding: 'utf8' });
    this.#words = words;
  }

  override toWritable(): string {
    const { length } = this.#words;
    return `*${length}\r\n${this.#words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
  }
}

/** Sends one command, and resolves to its reply as it came. */
export function commandAt(redis: Redis, key: string, ...words: readonly string[]): Promise<unknown> {
  const command = new CommandAt(key, words);
  redis.sendCommand(command);
  return command.promise;
}

/** What time it is at the server that has the key, epoch ms. */
export async function storeTimeMs(redis: Redis, key: string): Promise<number> {
  const reply = await commandAt(redis, key, 'TIME');
  const [seconds, micros] = Array.isArray(reply) ? reply : [];
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
