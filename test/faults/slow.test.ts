import { describeBothFaults } from "./both-at-fault.ts";
import type { Fault } from "./fault.ts";
import { describePeopleAtPostgresFault, describePeopleAtRedisFault } from "./people-at-fault.ts";
import { describePostgresFault } from "./postgres-at-fault.ts";
import { describeRedisFault } from "./redis-at-fault.ts";

/** Two seconds late: within the deadline for Postgres, far past that for Redis. */
const fault: Fault = { rule: { kind: "slow", ms: 2000 }, ran: true, postgresAnswers: true };

describeRedisFault(fault);
describePostgresFault(fault);
describeBothFaults(fault);
describePeopleAtPostgresFault(fault);
describePeopleAtRedisFault(fault);
