/** Matches of personal data, by group and by detector or rule: names of the configuration, never what was matched. */
export class PersonalData {
  readonly #ofGroups = new Map<string, Map<string, number>>()

  /** `counts`: by the place of the rule. */
  count(group: string, rules: readonly { readonly name: string }[], counts: readonly number[]): void {
    for (let place = 0; place < counts.length; place++) {
      const count = counts[place] ?? 0
      const name = rules[place]?.name
      if (count === 0 || name === undefined) continue
      const ofGroup = this.#ofGroups.get(group) ?? new Map<string, number>()
      ofGroup.set(name, (ofGroup.get(name) ?? 0) + count)
      this.#ofGroups.set(group, ofGroup)
    }
  }

  *[Symbol.iterator](): Iterator<{ readonly group: string; readonly detector: string; readonly count: number }> {
    for (const [group, counts] of this.#ofGroups)
      for (const [detector, count] of counts) yield { group, detector, count }
  }
}
