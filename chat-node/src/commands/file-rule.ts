import { InvalidArgumentError } from 'commander';
import type { FileRuleView } from '@p2p-chat/shared';

const MIB = 1024 * 1024;

/**
 * `ask`, `never`, or `always:20` for by themselves up to 20 MiB.
 * @throws {InvalidArgumentError} for anything else
 */
export function parseRule(text: string): FileRuleView {
  if (text === 'ask' || text === 'never') return { fetch: text };
  const [, mib] = /^always:(\d{1,5})$/.exec(text) ?? [];
  if (mib === undefined) throw new InvalidArgumentError('It is ask, never, or always:N for up to N MiB.');
  return { fetch: 'always', upTo: Number(mib) * MIB };
}
