/** The floor of floors: what the runtime itself costs. */
export default {
  fetch: (): Response => new Response("ok"),
};
