import { describeBothFaults } from "./both-at-fault.ts";
import type { Fault } from "./fault.ts";
import { describePeopleAtPostgresFault, describePeopleAtRedisFault } from "./people-at-fault.ts";
import { describePostgresFault } from "./postgres-at-fault.ts";
import { describeRedisFault } from "./redis-at-fault.ts";

/** The store says that we ask too often; that is no limit of the caller. */
const fault: Fault = { rule: { kind: "status", status: 429 }, ran: false, postgresAnswers: false };

describeRedisFault(fault);
describePostgresFault(fault);
describeBothFaults(fault);
describePeopleAtPostgresFault(fault);
describePeopleAtRedisFault(fault);
