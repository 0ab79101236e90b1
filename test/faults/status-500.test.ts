import { describeBothFaults } from "./both-at-fault.ts";
import type { Fault } from "./fault.ts";
import { describePeopleAtPostgresFault, describePeopleAtRedisFault } from "./people-at-fault.ts";
import { describePostgresFault } from "./postgres-at-fault.ts";
import { describeRedisFault } from "./redis-at-fault.ts";

/** The store says that it failed. */
const fault: Fault = { rule: { kind: "status", status: 500 }, ran: false, postgresAnswers: false };

describeRedisFault(fault);
describePostgresFault(fault);
describeBothFaults(fault);
describePeopleAtPostgresFault(fault);
describePeopleAtRedisFault(fault);
