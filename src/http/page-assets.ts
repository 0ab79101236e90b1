import { sha256Hex } from "../crypto/digest.ts";
import type { Accent } from "./brand.ts";
import { iconOf } from "./page-icon.ts";
import { pageScript } from "./page-script.ts";
import { styleOf } from "./page-style.ts";

const oneYearSeconds = 31_536_000;
const oneDaySeconds = 86_400;

/** The three files beside a page. Their names change with what is in them, so that a cache may keep them for ever. */
export async function createPageAssets(accent: Accent) {
  const style = await assetOf(styleOf(accent), "css", "text/css; charset=utf-8");
  const script = await assetOf(pageScript, "js", "text/javascript; charset=utf-8");
  const icon = await assetOf(iconOf(accent), "svg", "image/svg+xml");

  return {
    stylePath: style.path,
    scriptPath: script.path,
    iconPath: icon.path,

    /** A name of an older or newer deployment is answered with what is here, and not kept. Null: no such file. */
    answer(fileName: string): Response | null {
      const asset = [style, script, icon].find(({ extension }) => fileName.endsWith(`.${extension}`));
      if (!asset || !/^pages-[\w-]{16}\.(?:css|js|svg)$/.test(fileName)) return null;
      const isCurrent = asset.path.endsWith(`/${fileName}`);
      return answerWith(asset, isCurrent ? `public, max-age=${oneYearSeconds}, immutable` : "no-cache");
    },

    /** Where browsers look for the icon of what is no page of ours: of JSON, of an upstream's pages. */
    favicon: (): Response => answerWith(icon, `public, max-age=${oneDaySeconds}`),
  };
}

type Asset = Awaited<ReturnType<typeof assetOf>>;

const answerWith = ({ text, mediaType }: Asset, cacheControl: string): Response =>
  new Response(text, {
    headers: {
      "content-type": mediaType,
      "cache-control": cacheControl,
      "cross-origin-resource-policy": "same-origin",
    },
  });

async function assetOf(text: string, extension: string, mediaType: string) {
  const name = (await sha256Hex(text)).slice(0, 16);
  return { path: `/assets/pages-${name}.${extension}`, text, extension, mediaType };
}
