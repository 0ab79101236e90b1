/** What the upstream's `echo` saw of a call. */
export type Echo = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Names and values in turn, as they came. */
  readonly raw: readonly string[];
  readonly bytes: number;
  readonly body: string;
};

export const echoOf = async (answer: Response): Promise<Echo> => (await answer.json()) as Echo;

export type ProblemBody = {
  readonly error: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly request_id: string;
};

export const problemBody = async (answer: Response): Promise<ProblemBody> =>
  (await answer.json()) as ProblemBody;
