/** Nobody waits for it but work behind an answer. */
const deadlineMilliseconds = 5000;

/** Names that mean something inside a network only. */
const innerName = /(?:^|\.)(?:localhost|local|internal|intranet|lan|home|corp|private|arpa)\.?$/;

/**
 * HTTPS, to a public name. Accepted: a public name may resolve to a private address; a Worker's `fetch` leaves from the
 * edge's network, which is nobody's private one. `isLocal`: we run on this very machine, and so may our clients.
 */
export function isReachable(uri: string, isLocal: boolean): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname, username, password } = new URL(uri);
  if (username !== "" || password !== "") return false;
  if (isLocal && ["localhost", "127.0.0.1", "[::1]"].includes(hostname)) return true;
  const isAddress = hostname.startsWith("[") || /^[\d.]+$/.test(hostname);
  return protocol === "https:" && hostname.includes(".") && !isAddress && !innerName.test(hostname);
}

/** OIDC Back-Channel Logout §2.5. No retry here, no redirect, and nothing is read but the status; null: there was none. */
export function createLogoutClient({ isLocal }: { readonly isLocal: boolean }) {
  return {
    async send(uri: string, logoutToken: string): Promise<{ status: number | null }> {
      if (!isReachable(uri, isLocal)) return { status: null };
      try {
        const answer = await fetch(uri, {
          method: "POST",
          headers: { "content-type": "application/x-www-form-urlencoded", "user-agent": "Gatehouse" },
          body: new URLSearchParams({ logout_token: logoutToken }).toString(),
          redirect: "manual",
          signal: AbortSignal.timeout(deadlineMilliseconds),
        });
        await answer.body?.cancel();
        return { status: answer.status };
      } catch {
        return { status: null };
      }
    },
  };
}

export type LogoutClient = ReturnType<typeof createLogoutClient>;
