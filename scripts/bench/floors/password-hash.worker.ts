import argon2 from "@phi-ag/argon2/argon2.wasm";
import { createHashGate } from "../../../src/crypto/hash-gate.ts";
import { createPasswordHash } from "../../../src/crypto/password-hash.ts";

const passwords = createPasswordHash({ argon2, peppers: [], gate: createHashGate({ now: Date.now }) });
let stored: string | undefined;

/** The hash alone: one Argon2id of the cost of a sign-in, behind the same gate. */
export default {
  async fetch(): Promise<Response> {
    stored ??= await passwords.hash("correct horse battery staple");
    const { matches } = await passwords.verify("correct horse battery staple", stored);
    return new Response(matches ? "ok" : "no", { status: matches ? 200 : 500 });
  },
};
