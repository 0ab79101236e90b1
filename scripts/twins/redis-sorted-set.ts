export interface Scored {
  member: string;
  score: number;
}

/** Members by score, then by bytes. Sorted when read after a change: sets here are small. */
export class SortedSet {
  readonly #scores = new Map<string, number>();
  #sorted: Scored[] | null = null;

  get size(): number {
    return this.#scores.size;
  }

  score(member: string): number | undefined {
    return this.#scores.get(member);
  }

  set(member: string, score: number): void {
    this.#scores.set(member, score);
    this.#sorted = null;
  }

  delete(member: string): boolean {
    const gone = this.#scores.delete(member);
    if (gone) this.#sorted = null;
    return gone;
  }

  ascending(): readonly Scored[] {
    this.#sorted ??= [...this.#scores]
      .map(([member, score]) => ({ member, score }))
      .sort((a, b) => a.score - b.score || (a.member < b.member ? -1 : 1));
    return this.#sorted;
  }
}
