import { sha256Hex } from "../crypto/digest.ts";
import type { Accent } from "./brand.ts";
import { pageScript } from "./page-script.ts";
import { styleOf } from "./page-style.ts";

const oneYearSeconds = 31_536_000;

/** The two files beside a page. Their names change with what is in them, so that a cache may keep them for ever. */
export async function createPageAssets(accent: Accent) {
  const style = await assetOf(styleOf(accent), "css", "text/css; charset=utf-8");
  const script = await assetOf(pageScript, "js", "text/javascript; charset=utf-8");

  return {
    stylePath: style.path,
    scriptPath: script.path,

    /** A name of an older or newer deployment is answered with what is here, and not kept. Null: no such file. */
    answer(fileName: string): Response | null {
      const asset = [style, script].find(({ extension }) => fileName.endsWith(`.${extension}`));
      if (!asset || !/^pages-[\w-]{16}\.(?:css|js)$/.test(fileName)) return null;
      const isCurrent = asset.path.endsWith(`/${fileName}`);
      return new Response(asset.text, {
        headers: {
          "content-type": asset.mediaType,
          "cache-control": isCurrent ? `public, max-age=${oneYearSeconds}, immutable` : "no-cache",
          "cross-origin-resource-policy": "same-origin",
        },
      });
    },
  };
}

async function assetOf(text: string, extension: string, mediaType: string) {
  const name = (await sha256Hex(text)).slice(0, 16);
  return { path: `/assets/pages-${name}.${extension}`, text, extension, mediaType };
}
