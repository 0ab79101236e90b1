/**
 * After the fourth wrong guess in a row each further one makes the next wait, longer each time. The hundredth closes what
 * can be guessed until it is bound anew (NIST SP 800-63B-4 §3.2.2): at 30 minutes each that is two days of mails.
 */
export const waitSeconds = [30, 60, 120, 300, 600, 1800] as const;
export const freeAttempts = 4;
export const attemptsMax = 100;
/** The owner is told at this many wrong guesses in a row, and each time the count has doubled: 5, 10, 20, 40, 80. */
export const isTold = (failed: number): boolean => [5, 10, 20, 40, 80, attemptsMax].includes(failed);

/** A guess's lane: whose count it is. Lanes of devices cannot be used up by anybody else. */
export const laneOf = (deviceId: string | null): string =>
  deviceId === null ? "anyone" : `device:${deviceId}`;
/** Inside a session a guess is nobody's but its holder's. */
export const sessionLane = "session";
