/** Where and which kind, never the message: a driver's message may hold a statement and its values. */
export function reportBug(bug: Error): void {
  const frames = (bug.stack ?? "").split("\n").filter((line) => line.trimStart().startsWith("at "));
  console.error(JSON.stringify({ message: "bug", name: bug.name, frames: frames.slice(0, 8) }));
}
