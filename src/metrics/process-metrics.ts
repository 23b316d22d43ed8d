/** The process as metrics: what it takes of the machine, and how late its event loop is. */
import { readdir } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Registry } from 'prom-client';
import { counter, gauge, type Sample } from './collected.ts';

const EVERY_MS = 10;
const NS_PER_SECOND = 1e9;

/** @returns how to stop */
export function processMetrics(register: Registry): () => void {
  counter(register, {
    name: 'tollgate_process_cpu_seconds_total',
    help: 'Processor time of the daemon; that of a private store is not in it.',
    read: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  });
  gauge(register, {
    name: 'tollgate_process_resident_memory_bytes',
    help: 'Memory of the daemon that is in RAM.',
    read: () => process.memoryUsage.rss(),
  });
  gauge(register, {
    name: 'tollgate_process_heap_used_bytes',
    help: 'Memory that objects of the daemon take, garbage included.',
    read: () => process.memoryUsage().heapUsed,
  });
  gauge(register, {
    name: 'tollgate_process_open_fds',
    help: 'Open files and sockets of the daemon; absent where the system does not tell.',
    read: () =>
      readdir('/proc/self/fd').then(
        (files) => files.length,
        () => undefined,
      ),
  });
  gauge(register, {
    name: 'tollgate_process_start_time_seconds',
    help: 'When the process began.',
    read: () => Math.round(performance.timeOrigin) / 1000,
  });
  const delays = monitorEventLoopDelay({ resolution: EVERY_MS });
  delays.enable();
  gauge(register, {
    name: 'tollgate_event_loop_delay_seconds',
    help: 'How late the event loop was since the last scrape: p50, p99 and the longest.',
    labelNames: ['of'],
    read: () => {
      // What is measured is the time between two looks, and each comes after a pause.
      const late = (ns: number): number =>
        Number.isFinite(ns) ? Math.max(0, ns / NS_PER_SECOND - EVERY_MS / 1000) : 0;
      const samples: readonly Sample[] = [
        { labels: { of: 'p50' }, value: late(delays.percentile(50)) },
        { labels: { of: 'p99' }, value: late(delays.percentile(99)) },
        { labels: { of: 'max' }, value: late(delays.max) },
      ];
      delays.reset();
      return samples;
    },
  });
  return () => void delays.disable();
}
