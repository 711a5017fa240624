import { parseArgs } from 'node:util';
import { errorMessage, P2pChatError, SettingError, SystemClock } from '@p2p-chat/shared';
import { type Config, readConfig, SETTINGS } from './config.js';
import { checkHealth } from './healthcheck.js';
import { createLogger } from './logger.js';

const FAILED = 1;
const WRONG_USE = 2;

const USAGE = `Usage: node discovery-service/dist/main.js [--healthcheck | --help]

Lists who is online on this network, until SIGTERM or SIGINT. When it is ready
it prints one line of JSON on stdout; it logs on stderr.

  --healthcheck   ask the service that runs with these settings; status 0 where it is well
  --help          this text

Settings, from the environment:
${SETTINGS.map(({ variable, takes, fallback }) => `  ${variable.padEnd(25)} ${takes} (${fallback})`).join('\n')}
`;

async function main(): Promise<void> {
  const wants = readArguments();
  if (wants.help) {
    process.stdout.write(USAGE);
    return;
  }
  const config = readConfig(process.env);
  if (!wants.healthcheck) return serve(config);
  const fault = await checkHealth(process.env);
  if (fault !== null) fail(`The discovery service is not well: ${fault}`, FAILED);
}

function readArguments(): { help: boolean; healthcheck: boolean } {
  try {
    const { values } = parseArgs({
      options: { help: { type: 'boolean', short: 'h' }, healthcheck: { type: 'boolean' } },
    });
    return { help: values.help ?? false, healthcheck: values.healthcheck ?? false };
  } catch (error) {
    return fail(`${errorMessage(error)}\n\n${USAGE}`, WRONG_USE);
  }
}

async function serve(config: Config): Promise<void> {
  // Libraries are not found from a folder that was deleted.
  process.chdir('/');
  const logger = createLogger(config.logLevel);
  // All libraries of the service, which neither --help nor --healthcheck should wait for.
  const { startService } = await import('./lifecycle.js');
  const service = await startService({ config, clock: new SystemClock(), logger });
  const { host, port } = service;
  logger.info(
    { host, port, leaseSeconds: config.leaseSeconds, requireSigned: config.requireSigned },
    'ready',
  );
  process.stdout.write(`${JSON.stringify({ event: 'ready', host, port })}\n`);

  const stop = (signal: NodeJS.Signals): void => {
    // A second signal ends the process at once, as if nothing listened.
    process.off('SIGTERM', stop).off('SIGINT', stop);
    logger.info({ signal }, 'stopping');
    void service.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(`The service did not stop in order: ${errorMessage(error)}`, FAILED),
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

function fail(message: string, status: number): never {
  process.stderr.write(`${message.trimEnd()}\n`);
  process.exit(status);
}

try {
  await main();
} catch (error) {
  if (error instanceof SettingError) fail(`${error.message}\n  ${error.hint}`, WRONG_USE);
  if (error instanceof P2pChatError) fail(error.message, FAILED);
  throw error;
}
