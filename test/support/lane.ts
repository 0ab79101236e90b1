/** The same stores, whose calls are counted and made to fail for this name alone. */
export const inLane = (
  environment: Readonly<Record<string, string>>,
  lane: string,
  redisUrl = environment["UPSTASH_REDIS_REST_URL"] ?? "",
): Record<string, string> => ({
  ...environment,
  DATABASE_URL: environment["DATABASE_URL"]?.replace("//gatehouse:", `//lane-${lane}:`) ?? "",
  UPSTASH_REDIS_REST_URL: `${redisUrl}/lane/${lane}`,
  ...(environment["MAIL_API_URL"] ? { MAIL_API_URL: `${environment["MAIL_API_URL"]}/lane/${lane}` } : {}),
});

/** Of the Gatehouse that test/rpc reaches over service bindings. */
export const rpcLane = "rpc";
