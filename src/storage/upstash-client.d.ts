/** What is used of the file: the package's own types name neither. */
declare module "*/@upstash/redis/chunk-4WQYU7T6.mjs" {
  type Client = { request(request: { path: string[]; body: unknown }): Promise<unknown> };
  export const HttpClient: new (config: {
    baseUrl: string;
    headers: Record<string, string>;
    retry: { retries: number; backoff: (attempt: number) => number };
    signal: () => AbortSignal;
    readYourWrites: boolean;
    responseEncoding: false;
  }) => Client;
}
