import { sha256Hex } from "../../crypto/digest.ts";
import { AuthError } from "../../errors/auth-error.ts";
import type { DeviceStore } from "../device.store.ts";
import { deviceRedirect } from "../device-authorization.ts";
import { oneOf } from "../parameters.ts";
import type { Redemption } from "../redemption.ts";
import type { GrantType } from "./grant.ts";

/**
 * A device that asks whether its person has answered (RFC 8628 §3.4). While they have not: one trip. Once they have: a
 * second one, which redeems its code as any other, once.
 */
export const deviceCode = (rooms: {
  redemption: Redemption;
  devices: Pick<DeviceStore, "poll">;
  now: () => number;
}): GrantType => ({
  name: "urn:ietf:params:oauth:grant-type:device_code",
  async exchange(request) {
    const code = oneOf(request.parameters, "device_code");
    if (code === null) throw new AuthError("invalid_request", "device_code: is missing");
    const codeHash = await sha256Hex(code);
    const at = new Date(rooms.now());
    const device = await rooms.devices.poll(codeHash, request.client.id, at);
    if (device?.state === "denied") throw new AuthError("access_denied");
    if (device?.state === "pending") {
      if (device.expiresAt <= at) throw new AuthError("expired_token");
      // RFC 8628 §3.5: the pace it is told to keep grows with each of these.
      throw new AuthError(device.polledTooSoon ? "slow_down" : "authorization_pending");
    }
    return await rooms.redemption.redeem(request, {
      codeHash,
      redirectUri: deviceRedirect,
      codeChallenge: null,
    });
  },
});
