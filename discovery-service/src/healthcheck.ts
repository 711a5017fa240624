import { errorMessage } from '@p2p-chat/shared/errors';
import { httpStatus } from '@p2p-chat/shared/http-status';
import { DISCOVERY_PORT } from '@p2p-chat/shared/protocol/limits';
import { Settings } from '@p2p-chat/shared/settings';

const TIMEOUT_MS = 3_000;

/**
 * Asks the service that runs with the same settings whether it is well. It
 * runs in its container every half minute, so it loads next to nothing.
 * @returns null where it is, else what is wrong
 */
export async function checkHealth(env: NodeJS.ProcessEnv): Promise<string | null> {
  const settings = new Settings(env);
  const listening = settings.text('DISCOVERY_HOST') ?? '0.0.0.0';
  const port = settings.port('DISCOVERY_PORT') ?? DISCOVERY_PORT;
  const host = listening === '0.0.0.0' ? '127.0.0.1' : listening === '::' ? '::1' : listening;
  try {
    const status = await httpStatus({ host, port, path: '/health' }, TIMEOUT_MS);
    return status === 200 ? null : `it answered ${status} at ${host}, port ${port}`;
  } catch (error) {
    return `${errorMessage(error)} (${host}, port ${port})`;
  }
}

if (import.meta.main) {
  const fault = await checkHealth(process.env).catch(errorMessage);
  if (fault !== null) {
    process.stderr.write(`The discovery service is not well: ${fault}\n`);
    process.exitCode = 1;
  }
}
