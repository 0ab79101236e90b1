/**
 * After the fourth wrong guess in a row each further one makes the next wait, longer each time. The hundredth closes what
 * can be guessed until it is bound anew (NIST SP 800-63B-4 §3.2.2): at 30 minutes each that is two days of mails.
 */
export const waitSeconds = [30, 60, 120, 300, 600, 1800] as const;
export const freeAttempts = 4;
export const attemptsMax = 100;
/** The owner is told at this many wrong guesses in a row, and each time the count has doubled: 5, 10, 20, 40, 80. */
export const isTold = (failed: number): boolean => [5, 10, 20, 40, 80, attemptsMax].includes(failed);

/** A recovery code cannot be guessed: who tries is slowed, and its owner never waits longer than this. */
export const recoveryWaitSeconds = [30] as const;

/**
 * Whose count a guess goes to. A device has its own once a factor was proved on it, which a password alone does not do:
 * nobody can use it up from elsewhere, and nobody makes themselves more of them. Until then it counts as anyone.
 */
export type Lanes = { readonly own: string; readonly otherwise: string };
const anyone = "anyone";
export const laneOf = (deviceId: string | null): string =>
  deviceId === null ? anyone : `device:${deviceId}`;
/** Inside a session a guess is nobody's but its holder's. */
export const sessionLane = (sessionId: string): string => `session:${sessionId}`;

/** Wrong codes of an app keep no recovery code waiting: those have a count beside. */
export function lanesOf(lane: string, isClosable: boolean): Lanes {
  const otherwise = lane.startsWith("session:") ? lane : anyone;
  return isClosable
    ? { own: lane, otherwise }
    : { own: `recovery ${otherwise}`, otherwise: `recovery ${otherwise}` };
}
