/** Where and which kind, never the message: a driver's message may hold a statement and its values. */
export function bugLineOf({ name, stack = "" }: Error): string {
  const frames = stack.split("\n").filter((line) => line.trimStart().startsWith("at "));
  return JSON.stringify({ message: "bug", name, frames: frames.slice(0, 8) });
}
