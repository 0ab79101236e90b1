/** What the edge's tests ask of a Worker: to tell what arrived, and to stream, stall and break. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/echo") return new Response(request.body);
    if (pathname === "/early") return new Response("enough", { status: 413 });
    if (pathname === "/break") return new Response(breakingBody(request));
    if (pathname === "/socket") return acceptSocket(request);
    if (pathname === "/upstream") {
      const target = searchParams.get("to") ?? "";
      return fetch(target, { signal: request.signal });
    }
    return tell(request);
  },
};

async function tell(request: Request): Promise<Response> {
  const seen = {
    url: request.url,
    method: request.method,
    headers: Object.fromEntries(request.headers),
    body: (await request.arrayBuffer()).byteLength,
    cf: request.cf,
  };
  return Response.json(seen, {
    headers: [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ],
  });
}

/** Gives the first piece of the body back and breaks at the second. */
function breakingBody(request: Request): ReadableStream<Uint8Array> | undefined {
  let pieces = 0;
  return request.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        pieces += 1;
        if (pieces > 1) throw new Error("broken on purpose");
        controller.enqueue(piece);
      },
    }),
  );
}

function acceptSocket(request: Request): Response {
  if (request.headers.get("upgrade") !== "websocket") return new Response("no upgrade", { status: 426 });
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.addEventListener("message", (event) => server.send(`back: ${String(event.data)}`));
  server.addEventListener("close", (event) => server.close(event.code));
  return new Response(null, { status: 101, webSocket: client });
}
