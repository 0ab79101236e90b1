import type { InferOutput } from "valibot";
import type { Audit } from "../audit/audit.ts";
import type { Handlers } from "./call.ts";
import { pageOf, parseCursor } from "./cursor.ts";
import type { listEventsQuery } from "./input.ts";
import { eventView } from "./views.ts";

export function auditHandlers({ audit }: { readonly audit: Audit }) {
  return {
    async listEvents({ query }) {
      const input = query as InferOutput<typeof listEventsQuery>;
      await audit.flush();
      const events = await audit.list({
        type: input.type,
        actorId: input.actor_id,
        subjectId: input.subject_id,
        requestId: input.request_id,
        from: input.from,
        until: input.until,
        after: input.cursor === undefined ? undefined : parseCursor(input.cursor),
        limit: input.limit + 1,
      });
      const page = pageOf(events, input.limit, (event) => ({ at: event.at, id: event.id }));
      return { data: page.rows.map(eventView), next_cursor: page.nextCursor };
    },
  } satisfies Handlers;
}
