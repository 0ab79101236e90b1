import { expect, test } from "vitest";
import { givenIsolate, issuer } from "../support/given.ts";
import { askedFrom, freshAddress, givenPerson, goodPassword, mailsTo } from "../support/given-people.ts";

/** PW-02, ASVS V4.1.3: the host that a request names leads no mail's link anywhere. */
test("every link of every mail begins with the configured issuer, whatever a request said of hosts", async () => {
  const isolate = await givenIsolate();
  const { accounts } = isolate.rooms;
  const { email } = await givenPerson(isolate);
  const newcomer = freshAddress();
  // All that a room is ever told of a request: nothing of it is a host.
  const asked = askedFrom(isolate);
  const hostile = {
    ...asked,
    host: "evil.test",
    origin: { ...asked.origin, requestId: "https://evil.test/", address: "evil.test", country: null },
  };
  await accounts.requestRecovery(email, hostile);
  await accounts.register(newcomer, goodPassword, hostile);
  await accounts.register(email, goodPassword, hostile);
  const mails = [...(await mailsTo(isolate, email)), ...(await mailsTo(isolate, newcomer))];
  expect(mails).toHaveLength(3);
  for (const { text, html } of mails) {
    const urls = [...text.matchAll(/https?:\/\/\S+/g), ...html.matchAll(/https?:\/\/[^\s"<]+/g)].map(
      ([url]) => url,
    );
    expect(urls.length).toBeGreaterThan(0);
    for (const url of urls) expect(url.startsWith(`${issuer}/`)).toBe(true);
  }
});
