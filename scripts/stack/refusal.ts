const NAME = "StackRefusal";

/** A fault that the reader can mend: the message is the one sentence to print, without a trace. */
export function refusal(sentence: string, cause?: unknown): Error {
  const error = new Error(sentence, cause === undefined ? undefined : { cause });
  error.name = NAME;
  return error;
}

export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === NAME;
}

/** What to print of anything thrown: the sentence alone, or the whole trace of what is a bug. */
export function describeFailure(error: unknown): string {
  if (isRefusal(error)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The cause in a word or two: a connection tried on several addresses fails with a code but no message. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || "unknown";
}
