import argon2 from "@phi-ag/argon2/argon2.wasm";
import { afterEach, expect, test, vi } from "vitest";
import { givenIsolate } from "../support/given.ts";
import {
  askedFrom,
  asOperator,
  freshAddress,
  givenPerson,
  goodPassword,
  linkTo,
  otherPassword,
  signInFrom,
} from "../support/given-people.ts";

/** Refused in production though a local runtime may let it pass (PBKDF2 above 100,000 rounds), or refused by both. */
const makers = ["compile", "instantiate", "Module"] as const;

afterEach(() => vi.restoreAllMocks());

test("the module comes in compiled, and this runtime compiles none from bytes, as production does not", async () => {
  expect(argon2).toBeInstanceOf(WebAssembly.Module);
  const empty = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
  const { compile } = WebAssembly as unknown as { compile(bytes: Uint8Array): Promise<unknown> };
  await expect(Promise.resolve().then(() => compile(empty))).rejects.toThrow();
});

test("the whole life of an account stretches no key by PBKDF2 and compiles nothing at run time", async () => {
  const deriveBits = vi.spyOn(crypto.subtle, "deriveBits");
  const deriveKey = vi.spyOn(crypto.subtle, "deriveKey");
  const wasm = WebAssembly as unknown as Record<(typeof makers)[number], () => unknown>;
  const compilers = makers.map((name) => vi.spyOn(wasm, name));
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const email = freshAddress();
  await accounts.register(email, goodPassword, askedFrom(isolate));
  const { link } = await linkTo(isolate, email);
  expect(await accounts.confirm(link, asOperator(isolate))).toMatchObject({ ok: true });
  expect(await accounts.verifyPassword(email, goodPassword, signInFrom(isolate))).toMatchObject({ ok: true });
  const { account } = await givenPerson(isolate);
  const given = { current: goodPassword, next: otherPassword };
  expect(await accounts.changePassword(account.id, given, null, asOperator(isolate))).toMatchObject({
    ok: true,
  });
  await isolate.settle();
  // What is derived by HKDF costs nothing: only stretching has a limit.
  const derived = [...deriveBits.mock.calls, ...deriveKey.mock.calls].map(([algorithm]) => algorithm);
  expect(JSON.stringify(derived)).not.toContain("PBKDF2");
  for (const compiler of compilers) expect(compiler).not.toHaveBeenCalled();
});
