/** Where the core says what an operator may want to know; never bodies, keys or tokens. */
export interface ChatLog {
  debug(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}
