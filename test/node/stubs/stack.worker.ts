/** The least that the local stack wants of a Worker; it tells which environment it was given. */
export default {
  async fetch(request: Request, environment: Record<string, string>): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/health/live") return new Response("alive");
    if (pathname === "/fail") throw new Error("thrown on purpose");
    return Response.json({ environment, ticks });
  },
  async scheduled(): Promise<void> {
    ticks += 1;
  },
};

let ticks = 0;
