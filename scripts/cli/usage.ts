const NAME = "UsageError";

/** The command was typed wrongly: one sentence, then the nearest help, exit 2. */
export function usageError(sentence: string): Error {
  const error = new Error(sentence);
  error.name = NAME;
  return error;
}

export const isUsageError = (error: unknown): error is Error => error instanceof Error && error.name === NAME;
