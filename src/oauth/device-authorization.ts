import type { Audit } from "../audit/audit.ts";
import type { EventReason, EventType } from "../audit/events.ts";
import { randomBase62 } from "../crypto/base62.ts";
import { sha256Hex } from "../crypto/digest.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { RateLimits } from "../rate-limits/rate-limits.ts";
import type { BackDoorVisit, ClientAuthentication } from "./authenticate-client.ts";
import { levelDue, type Person } from "./authorization.ts";
import { scopesAsked } from "./authorization-request.ts";
import type { Client } from "./client.ts";
import type { Sent } from "./client-authentication/method.ts";
import type { Clients } from "./clients.ts";
import type { DeviceRow, DeviceStore } from "./device.store.ts";
import { oneOf } from "./parameters.ts";
import type { Resources } from "./resources.ts";
import { heldBy } from "./scopes.ts";
import type { Subjects } from "./subjects.ts";
import { requireSingles } from "./token-endpoint.ts";
import { newUserCode, parseUserCode, userCodeShown } from "./user-code.ts";

/** Where a device's code is sent: nowhere. No request can name it, since an empty parameter is one that was left out. */
export const deviceRedirect = "";

const grant = "urn:ietf:params:oauth:grant-type:device_code";
const lifeSeconds = 600;
const intervalSeconds = 5;
const drawsMax = 3;

/** RFC 8628 §3.2. */
export type DeviceAnswer = {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUri: string;
  readonly expiresInSeconds: number;
  readonly intervalSeconds: number;
};

/** What a person is asked, whose device shows this code. */
export type DeviceQuestion = {
  readonly client: Client;
  readonly device: DeviceRow;
  readonly scopes: readonly string[];
};

export type DeviceDecision =
  | { readonly next: "unknown" }
  | { readonly next: "again"; readonly level: string | null; readonly maxAgeSeconds: number | null }
  | { readonly next: "ask"; readonly question: DeviceQuestion };

/** Device authorization (RFC 8628 §3.1): a device asks, and a person answers for it in a browser of theirs. */
export function createDeviceAuthorization(options: {
  devices: Omit<DeviceStore, "poll" | "sweep">;
  clients: Pick<Clients, "find">;
  clientAuthentication: ClientAuthentication;
  subjects: Subjects;
  resources: Pick<Resources, "audienceOf">;
  rateLimits: Pick<RateLimits, "brakeOf" | "note" | "noteEverywhere">;
  audit: Pick<Audit, "record">;
  issuer: string;
  now: () => number;
}) {
  const { devices, audit, now } = options;
  type Brake = readonly [Parameters<RateLimits["note"]>[0], string];

  function requirePace(brakes: readonly Brake[]): void {
    const waits = brakes.map((brake) => options.rateLimits.brakeOf(...brake).retryAfterSeconds);
    const retryAfterSeconds = Math.max(...waits);
    if (retryAfterSeconds > 0) throw new AuthError("rate_limited", undefined, { retryAfterSeconds });
  }

  function count(brakes: readonly Brake[], { background }: BackDoorVisit): void {
    for (const brake of brakes) {
      options.rateLimits.note(...brake);
      background(options.rateLimits.noteEverywhere(...brake));
    }
  }

  const guessBrakes = ({ accountId }: Person, { network }: BackDoorVisit): readonly Brake[] => [
    ["wrongUserCodes", `account:${accountId}`],
    ["wrongUserCodesOfNetwork", `address:${network}`],
  ];

  function note(
    type: EventType & `consent.${string}`,
    reason: EventReason | null,
    { accountId }: Person,
    { client: { id } }: DeviceQuestion,
    { origin, background }: BackDoorVisit,
  ): void {
    const parties = { actor: { type: "user", id: accountId }, subject: { type: "client", id } } as const;
    audit.record({ type, outcome: "done", reason, ...parties, origin }, background);
  }

  async function requested(client: Client, { parameters }: Sent, visit: BackDoorVisit) {
    const scopes = scopesAsked(oneOf(parameters, "scope"), client);
    if (!scopes) throw new AuthError("invalid_scope");
    const uris = new Set(parameters.get("resource") ?? []);
    const found = [...uris].map((uri) =>
      options.resources.audienceOf(client, new Map([["resource", [uri]]]), visit),
    );
    return { scopes, resources: await Promise.all(found) };
  }

  return {
    /** The client's own call. Warm: one trip. */
    async begin(sent: Sent, visit: BackDoorVisit): Promise<DeviceAnswer> {
      requireSingles(sent);
      const client = await options.clientAuthentication.authenticate(sent, visit);
      if (!client.grantTypes.includes(grant)) throw new AuthError("unauthorized_client");
      const brakes = [["deviceRequests", `address:${visit.network}`]] as const;
      requirePace(brakes);
      const asked = await requested(client, sent, visit);
      count(brakes, visit);
      // RFC 8628 §5.2: far beyond guessing.
      const deviceCode = `gd_${randomBase62(43)}`;
      const at = now();
      const times = { issuedAt: new Date(at), expiresAt: new Date(at + lifeSeconds * 1000) };
      const row = { deviceCodeHash: await sha256Hex(deviceCode), clientId: client.id, intervalSeconds };
      for (let draws = 0; draws < drawsMax; draws += 1) {
        const userCode = newUserCode();
        if (!(await devices.insert({ ...row, ...asked, ...times, userCode }))) continue;
        const verificationUri = `${options.issuer}/device`;
        const shown = userCodeShown(userCode);
        return {
          deviceCode,
          userCode: shown,
          verificationUri,
          expiresInSeconds: lifeSeconds,
          intervalSeconds,
        };
      }
      throw new AuthError("unavailable", "no free user code was drawn");
    },

    /** Whom a typed code is for. A wrong one is counted, at whichever form it is typed. */
    async look(typed: string, person: Person, visit: BackDoorVisit): Promise<DeviceDecision> {
      const userCode = parseUserCode(typed);
      if (userCode === null) return { next: "unknown" };
      const brakes = guessBrakes(person, visit);
      requirePace(brakes);
      const device = await devices.findPending(userCode, new Date(now()));
      const client = device && (await options.clients.find(device.clientId, visit));
      if (!device || !client) {
        count(brakes, visit);
        const actor = { type: "user", id: person.accountId } as const;
        const { origin, background } = visit;
        const event = { type: "device.refused", outcome: "refused", reason: "wrong_code" } as const;
        audit.record({ ...event, actor, subject: null, origin }, background);
        return { next: "unknown" };
      }
      const { defaultMaxAgeSeconds: maxAgeSeconds, defaultAcrValues } = client;
      // Who signed in since the device asked has done so for it.
      const isOld =
        maxAgeSeconds !== null &&
        person.authTime < device.issuedAt &&
        now() - person.authTime.getTime() > maxAgeSeconds * 1000;
      if (isOld) return { next: "again", level: null, maxAgeSeconds };
      const level = levelDue(person.acr, defaultAcrValues, []);
      if (level !== null) return { next: "again", level, maxAgeSeconds: null };
      const scopes = device.scopes.filter((scope) => client.scopes.includes(scope));
      return { next: "ask", question: { client, device, scopes: heldBy(scopes, person) } };
    },

    /** Throws `already_answered`: of two answers the first counts. */
    async allow(question: DeviceQuestion, person: Person, visit: BackDoorVisit): Promise<void> {
      const { client, device } = question;
      // The name that this client knows the person by is there before anybody looks for it.
      await options.subjects.subjectOf(client, person.accountId);
      const isFirst = await devices.approve({
        codeHash: device.deviceCodeHash,
        clientId: client.id,
        accountId: person.accountId,
        grantId: `gnt_${randomBase62(22)}`,
        signInSessionId: person.id,
        redirectUri: deviceRedirect,
        redirectUriGiven: true,
        scopes: [...question.scopes],
        resources: device.resources,
        authTime: person.authTime,
        acr: person.acr,
        amr: [...person.amr],
        issuedAt: new Date(now()),
        expiresAt: device.expiresAt,
      });
      if (!isFirst) throw new AuthError("already_answered");
      note("consent.given", null, person, question, visit);
    },

    async deny(question: DeviceQuestion, person: Person, visit: BackDoorVisit): Promise<void> {
      if (!(await devices.deny(question.device.deviceCodeHash, new Date(now()))))
        throw new AuthError("already_answered");
      note("consent.denied", "by_person", person, question, visit);
    },
  };
}

export type DeviceAuthorization = ReturnType<typeof createDeviceAuthorization>;
