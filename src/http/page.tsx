import type { Child } from "hono/jsx";
import type { HtmlEscapedString } from "hono/utils/html";
import { AuthError } from "../errors/auth-error.ts";
import { type Code, statusOf } from "../errors/codes.ts";
import type { Brand } from "./brand.ts";
import { ErrorContent, titleOf } from "./error-page.tsx";
import type { createPageAssets } from "./page-assets.ts";
import { challengePaths } from "./passkey-form.tsx";
import { type ProblemExtras, problem } from "./problem.ts";

type Extras = Pick<ProblemExtras, "retryAfterSeconds" | "headers">;
type PageAssets = Awaited<ReturnType<typeof createPageAssets>>;

/** What JSX makes. Nothing of ours waits while it is written out. */
export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;

export type PageDraft = {
  /** Names the page in the tab, before the brand. */
  readonly title: string;
  readonly content: Markup;
  /** Stands beside the brand at the top; a page that has it is as wide as a list. */
  readonly top?: Markup | undefined;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where its forms may go, in the words of `form-action`; to us alone when it is left out. */
  readonly formAction?: string | undefined;
};

/** The frame around each page: one style sheet, one script and one icon of our own, and nothing else that a browser may load. */
export function createPageShell(options: { brand: Brand; assets: PageAssets; issuer: string }) {
  const { brand, assets, issuer } = options;
  const contentSecurityPolicy = (formAction: string): string =>
    [
      "default-src 'none'",
      // The files themselves and not 'self': a gateway's upstream may answer under this very origin.
      `style-src ${issuer}${assets.stylePath}`,
      `script-src ${issuer}${assets.scriptPath}`,
      `img-src ${issuer}${assets.iconPath}`,
      `connect-src ${Object.values(challengePaths)
        .map((path) => `${issuer}${path}`)
        .join(" ")}`,
      "require-trusted-types-for 'script'",
      `form-action ${formAction}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join("; ");
  const ownForms = contentSecurityPolicy("'self'");
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": ownForms,
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy":
      "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-create=(self), publickey-credentials-get=(self)",
    "cache-control": "no-store",
    // A link in a mail is a secret in an address: no request tells where it came from. `no-referrer` would have browsers
    // send `Origin: null` with our own forms.
    "referrer-policy": "strict-origin",
  };

  function page(draft: PageDraft): Response {
    const document = (
      <Document brand={brand} assets={assets} title={draft.title} top={draft.top}>
        {draft.content}
      </Document>
    );
    const forms =
      draft.formAction === undefined
        ? {}
        : { "content-security-policy": contentSecurityPolicy(draft.formAction) };
    return new Response(`<!doctype html>${document}`, {
      status: draft.status ?? 200,
      headers: { ...headers, ...forms, ...draft.headers },
    });
  }

  /** An error in the voice of pages: what happened, what was not lost, what to do now. */
  function errorPage(code: Code, requestId: string, extras: Extras = {}): Response {
    const { retryAfterSeconds, headers: more } = extras;
    const retryAfter = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
    return page({
      title: titleOf(code),
      status: statusOf(code),
      headers: { ...more, ...retryAfter },
      content: <ErrorContent code={code} requestId={requestId} retryAfterSeconds={retryAfterSeconds} />,
    });
  }

  /** A page for who asks for pages, problem details for everybody else. */
  const refusal = (code: Code, request: Request, requestId: string, extras: Extras = {}): Response =>
    (request.headers.get("accept") ?? "").includes("text/html")
      ? errorPage(code, requestId, extras)
      : problem(code, requestId, extras);

  return {
    page,
    asset: assets.answer,
    favicon: assets.favicon,

    /** What a page threw. Anything but an `AuthError` is a bug of ours: one fixed sentence and the id. */
    answerTo(thrown: unknown, request: Request, requestId: string): Response {
      if (!(thrown instanceof AuthError)) return refusal("internal", request, requestId);
      const { code } = thrown;
      const retryAfterSeconds = thrown.retryAfterSeconds ?? (code === "unavailable" ? 1 : undefined);
      return refusal(code, request, requestId, { retryAfterSeconds });
    },

    refusal,
  };
}

export type PageShell = ReturnType<typeof createPageShell>;

function Document(props: {
  brand: Brand;
  assets: PageAssets;
  title: string;
  top: Markup | undefined;
  children?: Child;
}) {
  const { brand, assets, title, top } = props;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${title} – ${brand.name}`}</title>
        <link rel="icon" href={assets.iconPath} type="image/svg+xml" />
        <link rel="stylesheet" href={assets.stylePath} />
        <script src={assets.scriptPath} type="module" />
      </head>
      <body class={top === undefined ? undefined : "wide"}>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <header class="top">
          <a class="brand" href="/account">
            <bdi>{brand.name}</bdi>
          </a>
          {top}
        </header>
        <main id="main">{props.children}</main>
      </body>
    </html>
  );
}
