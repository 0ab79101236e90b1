import { type FactorTemplate, factorWords } from "./factor-words.ts";
import type {
  Circumstances,
  LinkQuestion,
  Mail,
  Message,
  Notice,
  PasswordTemplate,
  Question,
} from "./message.ts";

/** Paragraphs; a link stands on a line of its own. */
type Words = { readonly subject: string; readonly paragraphs: readonly Paragraph[] };
type Paragraph = string | { readonly link: string; readonly label: string };

/**
 * Every mail, in plain words. A link begins with the configured issuer, whatever host a request named (ASVS V4.1.3), and
 * its secret stands in a query under a name that the door lets pass; the page behind it only asks, a POST acts.
 */
export function createTemplates(options: { issuer: string }) {
  const { issuer } = options;
  const host = new URL(issuer).host;
  const pageOf = (path: string, link: string): string => `${issuer}${path}?link=${encodeURIComponent(link)}`;
  const recovery: Paragraph = { link: `${issuer}/recover`, label: "Choose a new password" };

  return function mailOf(message: Message): Mail {
    const { subject, paragraphs } = wordsOf(message, { host, issuer, recovery, pageOf });
    return { to: message.to, subject, text: textOf(paragraphs, host), html: htmlOf(paragraphs, host) };
  };
}

export type Templates = ReturnType<typeof createTemplates>;

type Place = {
  readonly host: string;
  readonly issuer: string;
  readonly recovery: Paragraph;
  readonly pageOf: (path: string, link: string) => string;
};

type NoticePlace = Pick<Place, "host" | "issuer" | "recovery">;

const wordsOf = (message: Message, place: Place): Words =>
  "asked" in message ? wordsOfQuestion(message, place) : wordsOfNotice(message, place);

function wordsOfQuestion(message: Question, place: Place): Words {
  const { host, issuer, pageOf } = place;
  const asked = `It was asked for ${circumstancesOf(message.asked)}.`;
  const ignore = "If that was not you, do nothing: without this mail nothing happens.";
  switch (message.template) {
    case "confirm-address":
      return {
        subject: `Confirm your address for ${host}`,
        paragraphs: [
          `Somebody registered at ${host} with this address. If it was you, confirm it:`,
          { link: pageOf("/verify-email", message.link), label: "Confirm the address" },
          "The link works once, for 24 hours, until a newer one is asked for.",
          `${asked} If that was not you, do not confirm it: whoever registered has chosen the password.`,
        ],
      };
    case "confirm-new-address":
      return {
        subject: `Confirm your new address for ${host}`,
        paragraphs: [
          `An account at ${host} is to have this address. If it is yours, confirm it:`,
          { link: pageOf("/verify-email", message.link), label: "Confirm the new address" },
          "The link works once, for one hour, until a newer one is asked for. Then you sign in again everywhere.",
          `${asked} ${ignore}`,
        ],
      };
    case "recover":
      return {
        subject: `A new password for ${host}`,
        paragraphs: [
          `Here you choose a new password for ${host}:`,
          { link: pageOf("/recover", message.link), label: "Choose a new password" },
          "The link works once, for 30 minutes, until a newer one is asked for. It ends every session.",
          `${asked} ${ignore}`,
        ],
      };
    case "confirm-for-passkey":
    case "recover-for-passkey":
      return wordsOfMailOnly(message, place, `${asked} ${ignore}`);
    case "address-known":
      return {
        subject: `You have an account at ${host} already`,
        paragraphs: [
          `Somebody wanted to register at ${host} with this address, which has an account already. Nothing has changed.`,
          "If it was you and you cannot sign in:",
          { link: `${issuer}/recover`, label: "Get back into your account" },
          `${asked} If that was not you, you need not do anything.`,
        ],
      };
  }
}

/** Of an account without a password. */
function wordsOfMailOnly(
  { template, link }: Pick<LinkQuestion, "template" | "link">,
  { host, pageOf }: Place,
  circumstances: string,
): Words {
  switch (template) {
    case "confirm-for-passkey":
      return {
        subject: `Confirm your address for ${host}`,
        paragraphs: [
          `Somebody registered at ${host} with this address, without a password. If it was you, confirm it and create a passkey:`,
          { link: pageOf("/verify-email", link), label: "Confirm the address" },
          "The link works once, for 24 hours, until a newer one is asked for. Open it on a device that is yours.",
          circumstances,
        ],
      };
    default:
      return {
        subject: `A new passkey for ${host}`,
        paragraphs: [
          `Your account at ${host} has no password. If you cannot use your passkey any more, set up a new one:`,
          { link: pageOf("/recover/passkey", link), label: "Set up a new passkey" },
          "Or choose a password:",
          { link: pageOf("/recover", link), label: "Choose a password" },
          "The link works once, for 30 minutes, until a newer one is asked for. It ends every session.",
          circumstances,
        ],
      };
  }
}

function wordsOfNotice(message: Notice, { host, issuer, recovery }: Place): Words {
  const done = `It happened ${circumstancesOf(message.done)}.`;
  const sessions: Paragraph = { link: `${issuer}/account/sessions`, label: "See your sessions" };
  switch (message.template) {
    case "password-changed":
    case "password-added":
    case "password-removed":
      return wordsOfPassword(message.template, done, { host, issuer, recovery });
    case "address-changed":
      return {
        subject: `Your address for ${host} was changed`,
        paragraphs: [
          `Your account at ${host} now has the address ${maskedAddress(message.newAddress)}, and this one no longer opens it.`,
          `${done} If it was not you, tell those who run ${host} at once.`,
        ],
      };
    case "account-deleted":
      return {
        subject: `Your account at ${host} was deleted`,
        paragraphs: [
          `${done} Your address, your password and your sessions are gone from ${host}.`,
          `If it was not you, tell those who run ${host}.`,
        ],
      };
    case "sign-in-replayed":
      return {
        subject: `A session at ${host} was ended`,
        paragraphs: [
          "A session was ended because its sign-in was used from two places: a copy of it may have been stolen.",
          `${done} Sign in again. If you see sessions that are not yours, end them and change the password.`,
          sessions,
        ],
      };
    case "new-device":
      return {
        subject: `A new sign-in at ${host}`,
        paragraphs: [
          `Somebody signed in to your account from a device that was not seen before: ${deviceOf(message.done)}.`,
          `${done} If it was you, all is well. If not, end that session and choose a new password:`,
          sessions,
          recovery,
        ],
      };
    default:
      return wordsOfFactor(message.template, done, { host, issuer, recovery });
  }
}

function wordsOfPassword(
  template: PasswordTemplate,
  done: string,
  { host, issuer, recovery }: NoticePlace,
): Words {
  switch (template) {
    case "password-changed":
      return {
        subject: `Your password for ${host} was changed`,
        paragraphs: [`${done} If it was you, all is well. If not, take the account back now:`, recovery],
      };
    case "password-added":
      return {
        subject: `Your account at ${host} has a password now`,
        paragraphs: [`${done} If it was you, all is well. If not, choose another one now:`, recovery],
      };
    case "password-removed":
      return {
        subject: `Your account at ${host} has no password any more`,
        paragraphs: [
          `Only your passkeys open it now. ${done} If it was not you, look at how it is secured:`,
          { link: `${issuer}/account/security`, label: "See how your account is secured" },
        ],
      };
  }
}

function wordsOfFactor(
  template: FactorTemplate,
  done: string,
  { host, issuer, recovery }: NoticePlace,
): Words {
  const [subject, sentence] = factorWords[template];
  const link = `${issuer}/account/security`;
  return {
    subject: `${subject}: ${host}`,
    paragraphs: [
      sentence,
      `${done} If it was you, all is well. If not, look here and choose a new password:`,
      { link, label: "See how your account is secured" },
      recovery,
    ],
  };
}

function circumstancesOf({ at, address, country, city }: Circumstances): string {
  const place = [city, country].filter((part) => part !== null && part !== undefined).join(", ");
  const time = `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return `at ${time} from the network address ${address}${place === "" ? "" : ` (${place})`}`;
}

const userAgentMax = 120;

/** What a browser says of itself is a stranger's text: printable, short, and no address that could be clicked. */
function deviceOf({ userAgent }: Circumstances): string {
  const said = (userAgent ?? "").replaceAll(/[^\x20-\x7e]/g, "").replaceAll(/https?:|www\./gi, "");
  return said.trim() === "" ? "an unnamed device" : said.trim().slice(0, userAgentMax);
}

/** Enough for the owner to recognise it, too little for whoever reads an old mailbox. */
function maskedAddress(address: string): string {
  const at = address.lastIndexOf("@");
  return `${address.slice(0, 1)}…${address.slice(at)}`;
}

const signatureOf = (host: string): string => `This mail was sent by ${host}. Nobody reads answers to it.`;

function textOf(paragraphs: readonly Paragraph[], host: string): string {
  const lines = paragraphs.map((one) => (typeof one === "string" ? one : one.link));
  return `${[...lines, `-- \n${signatureOf(host)}`].join("\n\n")}\n`;
}

function htmlOf(paragraphs: readonly Paragraph[], host: string): string {
  const lines = paragraphs.map((one) =>
    typeof one === "string"
      ? `<p>${escaped(one)}</p>`
      : `<p><a href="${escaped(one.link)}">${escaped(one.label)}</a><br><small>${escaped(one.link)}</small></p>`,
  );
  return [
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer">`,
    `<body style="font:16px/1.5 sans-serif;max-width:36em">${lines.join("")}`,
    `<p><small>${escaped(signatureOf(host))}</small></p></body></html>`,
  ].join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
