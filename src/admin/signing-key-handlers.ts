import type { InferOutput } from "valibot";
import type { SigningKeys } from "../signing-keys/signing-keys.ts";
import type { Handlers } from "./call.ts";
import type { rotateSigningKeysInput } from "./input.ts";
import { signingKeyView, timelineView } from "./views.ts";

export function signingKeyHandlers({ signingKeys }: { readonly signingKeys: SigningKeys }) {
  return {
    listSigningKeys: async () => ({
      data: (await signingKeys.list()).map(signingKeyView),
      next_cursor: null,
    }),
    async rotateSigningKeys({ body, operator }) {
      const { compromised } = body as InferOutput<typeof rotateSigningKeysInput>;
      const asked = compromised === undefined ? {} : { compromised };
      return timelineView(await signingKeys.rotate(asked, operator));
    },
  } satisfies Handlers;
}
