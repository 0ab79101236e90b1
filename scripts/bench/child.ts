import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { farCore, pin } from "./cores.ts";

type Question = { readonly id: number; readonly call: unknown };
type Answer = { readonly id: number; readonly value?: unknown; readonly failure?: string };

/** A helper process of the bench: one question at a time is answered by one message. */
export function startChild<Call>(file: string) {
  const child = fork(join(import.meta.dirname, file), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  pin(child.pid, farCore);
  let asked = 0;
  return {
    ask<Value>(call: Call): Promise<Value> {
      asked += 1;
      return exchange<Value>(child, { id: asked, call });
    },
    stop(): void {
      child.kill("SIGKILL");
    },
  };
}

export type Child<Call> = ReturnType<typeof startChild<Call>>;

function exchange<Value>(child: ChildProcess, question: Question): Promise<Value> {
  return new Promise<Value>((resolve, reject) => {
    const settle = () => {
      child.off("message", hear);
      child.off("exit", end);
    };
    const hear = (message: unknown) => {
      const answer = message as Answer;
      if (answer.id !== question.id) return;
      settle();
      if (answer.failure === undefined) resolve(answer.value as Value);
      else reject(new Error(answer.failure));
    };
    const end = () => {
      settle();
      reject(new Error("a helper process of the bench has ended"));
    };
    child.on("message", hear);
    child.on("exit", end);
    child.send(question);
  });
}

/** The other end: answers until the bench goes away, and then goes too. */
export function answerCalls<Call>(answer: (call: Call) => Promise<unknown>): void {
  process.on("disconnect", () => process.exit());
  // Ctrl-C reaches the whole group; the bench ends us in order.
  process.on("SIGINT", () => undefined);
  process.on("message", (message) => {
    const { id, call } = message as Question;
    answer(call as Call).then(
      (value) => process.send?.({ id, value } satisfies Answer),
      (error: unknown) => process.send?.({ id, failure: (error as Error).message } satisfies Answer),
    );
  });
}
