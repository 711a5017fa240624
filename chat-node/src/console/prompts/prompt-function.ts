/** What Inquirer hands to a prompt beside its question. */
export interface PromptContext {
  input?: NodeJS.ReadableStream;
  output?: NodeJS.WritableStream;
  clearPromptOnDone?: boolean;
  signal?: AbortSignal;
}

/** A prompt: draws itself, and resolves with the answer. */
export type PromptFunction<Value, Config> = (config: Config, context?: PromptContext) => Promise<Value>;
