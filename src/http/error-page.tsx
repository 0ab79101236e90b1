import { type Code, sentenceOf, statusOf } from "../errors/codes.ts";

type Words = {
  readonly title: string;
  readonly happened: string;
  readonly kept: string;
  readonly now: string;
};

const nothingChanged = "Nothing was changed.";
const askThem = "Begin again in the application. If this page comes again, tell those who run it.";
const goBack = "Go back, load the page anew and try once more.";

/** Errors that a person meets; every other one is spoken of by its status. */
const wordsOfCode: Partial<Record<Code, Words>> = {
  cross_site_request: {
    title: "That did not come from this page",
    happened: "What was sent came from another site, or from a page that had been open for too long.",
    kept: nothingChanged,
    now: goBack,
  },
  unknown_application: {
    title: "That application is not known here",
    happened: sentenceOf("unknown_application"),
    kept: `${nothingChanged} You were not sent anywhere, and it learned nothing of you.`,
    now: askThem,
  },
  unknown_redirect_uri: {
    title: "That application may not be what it says",
    happened: sentenceOf("unknown_redirect_uri"),
    kept: `${nothingChanged} You were not sent anywhere, and it learned nothing of you.`,
    now: askThem,
  },
  already_answered: {
    title: "You have answered this already",
    happened: "Your answer was taken when you gave it for the first time, and counts once.",
    kept: "What you allowed stands in your account under Applications.",
    now: "Go back to the application. If it does not know you yet, begin there once more.",
  },
  link_invalid: {
    title: "This link does not work any more",
    happened: sentenceOf("link_invalid"),
    kept: "Your account is as it was.",
    now: "Open the newest mail from us, or ask for a new one.",
  },
  credentials_in_url: {
    title: "That address holds a secret",
    happened:
      "The address that was opened holds a password, a key or a token, and was not answered for that reason.",
    kept: nothingChanged,
    now: "Treat that secret as known to others: change it where it comes from.",
  },
};

function wordsOf(code: Code): Words {
  const own = wordsOfCode[code];
  if (own) return own;
  const status = statusOf(code);
  if (status === 404 || status === 405) {
    return {
      title: "There is no such page",
      happened: "Nothing stands at this address. It may have been mistyped, or the page may have moved.",
      kept: "Your account and your sessions are as they were.",
      now: "Check the address, or go to your account.",
    };
  }
  if (status === 429) {
    return {
      title: "Too many attempts",
      happened: "There were many attempts in a short time, from here or for this account.",
      kept: `${nothingChanged} Your account is not locked.`,
      now: "Wait a little, then try again.",
    };
  }
  if (status >= 500) {
    return {
      title: status === 503 ? "This cannot be answered right now" : "Something went wrong on our side",
      happened: sentenceOf(code),
      kept: "What was saved before is safe, and nothing was done by halves.",
      now: "Try again in a moment.",
    };
  }
  const title = status === 403 ? "This is not allowed" : "That could not be understood";
  return { title, happened: sentenceOf(code), kept: nothingChanged, now: goBack };
}

export const titleOf = (code: Code): string => wordsOf(code).title;

/** Seconds as a person would say them, rounded up. */
export function waitOf(seconds: number): string {
  if (seconds < 60) return seconds <= 1 ? "one second" : `${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return minutes === 1 ? "one minute" : `${minutes} minutes`;
  const hours = Math.ceil(minutes / 60);
  return hours === 1 ? "one hour" : `${hours} hours`;
}

export function ErrorContent(props: {
  code: Code;
  requestId: string;
  retryAfterSeconds: number | undefined;
}) {
  const { title, happened, kept, now } = wordsOf(props.code);
  const wait = props.retryAfterSeconds;
  return (
    <>
      <h1>{title}</h1>
      <p>{happened}</p>
      <p>{kept}</p>
      <p>{wait === undefined || wait <= 1 ? now : `Wait ${waitOf(wait)}, then try again.`}</p>
      <p>
        <a class="button" href="/account">
          Go to your account
        </a>
      </p>
      <p class="small">
        If you ask somebody for help, give them this: <code>{props.requestId}</code>
      </p>
    </>
  );
}
