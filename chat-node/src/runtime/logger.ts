import { type LogLevel, LogSink, safeLogLines } from '@p2p-chat/shared';
import { pino, type Logger as PinoLogger } from 'pino';

/** JSON lines for whoever runs the node. Never a message body, a key or a token. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

/** Logs to stderr, at once: what a crash has to say is not lost in a buffer. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: safeLogLines } },
    LogSink.onStderr(),
  );
}
