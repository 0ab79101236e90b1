import type { Background } from "../audit/audit.ts";
import type { Circumstances } from "../messages/message.ts";
import type { Messages } from "../messages/messages.ts";
import type { RateLimits } from "../rate-limits/rate-limits.ts";

export type NewDeviceSources = {
  readonly messages: Pick<Messages, "send">;
  readonly rateLimits: Pick<RateLimits, "openTrip" | "take" | "demandOf">;
};

/**
 * Tells an owner of a sign-in from a device not seen before, behind the answer and within a budget: a native application
 * has no device cookie, so each of its sign-ins is one of a new device.
 */
export async function tellOfDevice(
  { messages, rateLimits }: NewDeviceSources,
  owner: { readonly email: string; readonly addressHash: string },
  done: Circumstances,
  background: Background,
): Promise<void> {
  const trip = rateLimits.openTrip();
  const demand = rateLimits.demandOf("newDeviceMails", `address:${owner.addressHash}`);
  const taking = rateLimits.take(trip, [demand]);
  await trip.send();
  if ((await taking).ok) messages.send({ template: "new-device", to: owner.email, done }, background);
}
