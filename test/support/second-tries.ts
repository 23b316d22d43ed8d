/** Names each test that passed only when it was tried again, and at which try: a machine that was too busy, or a fault that shows rarely. */
import type { Reporter, TestCase } from 'vitest/node';

export default class SecondTries implements Reporter {
  readonly #lines: string[] = [];

  onTestCaseResult(test: TestCase): void {
    const diagnostic = test.diagnostic();
    if (diagnostic?.flaky !== true) return;
    this.#lines.push(`passed at try ${diagnostic.retryCount + 1}: ${test.module.relativeModuleId}: ${test.fullName}`);
  }

  onTestRunEnd(): void {
    for (const line of this.#lines) console.log(line);
  }
}
