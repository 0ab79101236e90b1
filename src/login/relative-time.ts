const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const count = (number: number, unit: string): string =>
  number === 1 ? `1 ${unit} ago` : `${number} ${unit}s ago`;

/** How long ago, as one would say it; from a month on, the day. */
export function relativeTimeOf(at: Date, nowMilliseconds: number): string {
  const age = nowMilliseconds - at.getTime();
  if (age < minute) return "just now";
  if (age < hour) return count(Math.floor(age / minute), "minute");
  if (age < day) return count(Math.floor(age / hour), "hour");
  if (age < 30 * day) return count(Math.floor(age / day), "day");
  return `on ${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** For whoever wants to know exactly. */
export const exactTimeOf = (at: Date): string => `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
