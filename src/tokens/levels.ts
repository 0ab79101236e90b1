/** How strongly somebody proved who they are: the values of `acr` (RFC 9068 §2.2.1), weakest first. */
export const levels = ["one-factor", "two-factor", "phishing-resistant"] as const;
export type Level = (typeof levels)[number];
