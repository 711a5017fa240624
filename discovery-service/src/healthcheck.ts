import { isIPv6 } from 'node:net';
import { type DiscoveryHealth, errorMessage } from '@p2p-chat/shared';
import type { Config } from './config.js';

const TIMEOUT_MS = 3_000;

/**
 * Asks the service that runs with the same settings whether it is well.
 * @returns null where it is, else what is wrong
 */
export async function checkHealth({ host, port }: Config): Promise<string | null> {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const url = `http://${isIPv6(reachable) ? `[${reachable}]` : reachable}:${port}/health`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    const { status } = (await response.json()) as Partial<DiscoveryHealth>;
    return response.ok && status === 'ok' ? null : `${url} answered ${response.status}`;
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return `${url}: ${errorMessage(cause)}`;
  }
}
