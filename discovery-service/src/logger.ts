import type { LoggerService } from '@nestjs/common';
import { type LogLevel, LogSink, safeLogLines } from '@p2p-chat/shared';
import { pino, type Logger as PinoLogger } from 'pino';

/** Where the service logs: JSON lines on stderr. Never a request's body or a key. */
export abstract class Logger {
  abstract debug(fields: object, message: string): void;
  abstract info(fields: object, message: string): void;
  abstract warn(fields: object, message: string): void;
  abstract error(fields: object, message: string): void;
}

/** A logger on stderr that writes at once, so that nothing is lost when the process ends. */
export function createLogger(level: LogLevel): Logger {
  const logger: PinoLogger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: safeLogLines } },
    LogSink.onStderr(),
  );
  return logger;
}

/** Nest's own messages in the same lines; its chatter about routes and modules only in `debug`. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: unknown): void {
    this.logger.debug({ context }, String(message));
  }
  warn(message: unknown, context?: unknown): void {
    this.logger.warn({ context }, String(message));
  }
  error(message: unknown, stack?: unknown, context?: unknown): void {
    this.logger.error({ context, stack }, String(message));
  }
}
