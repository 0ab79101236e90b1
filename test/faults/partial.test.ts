import { describeBothFaults } from "./both-at-fault.ts";
import type { Fault } from "./fault.ts";
import { describePeopleAtPostgresFault, describePeopleAtRedisFault } from "./people-at-fault.ts";
import { describePostgresFault } from "./postgres-at-fault.ts";
import { describeRedisFault } from "./redis-at-fault.ts";

/** The command ran; the answer ends half way. */
const fault: Fault = { rule: { kind: "partial" }, ran: true, postgresAnswers: false };

describeRedisFault(fault);
describePostgresFault(fault);
describeBothFaults(fault);
describePeopleAtPostgresFault(fault);
describePeopleAtRedisFault(fault);
