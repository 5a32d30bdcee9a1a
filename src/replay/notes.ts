/** What a replay's figures assume, leave out and cannot know, in sentences. */
import type { GroupFigures, SkippedCounts } from "./comparison.ts"

interface Unknowns {
  /** Calls without a known conversation, in groups that pin. */
  readonly unpinnable: number
  readonly readsPrompts: boolean
  readonly unknownFeatures: ReadonlySet<string>
  /** Groups of the new configuration that no recorded call named. */
  readonly unused: readonly string[]
}

export function notesOf(
  groups: readonly GroupFigures[],
  skipped: SkippedCounts,
  { unpinnable, readsPrompts, unknownFeatures, unused }: Unknowns,
): readonly string[] {
  const sum = (of: (group: GroupFigures) => number): number => groups.reduce((total, group) => total + of(group), 0)
  const gone = groups.flatMap(({ targets }) => targets.filter(({ configured }) => !configured))
  const notes: readonly (readonly [applies: boolean | number, text: string])[] = [
    [true, "Answers are assumed to have the tokens that were recorded; another model would answer otherwise."],
    [
      true,
      `Where a conversation stays, its cache is taken as warm as it was; where it moves, as cold: ${sum(({ cost }) => cost.cold_calls)} calls had read ${sum(({ cost }) => cost.cold_tokens)} tokens that are priced as new.`,
    ],
    [
      skipped["no-telemetry"] ?? 0,
      `${skipped["no-telemetry"]} calls were made without server.decision_telemetry and are left out.`,
    ],
    [
      skipped["service-not-asked"] ?? 0,
      `${skipped["service-not-asked"]} calls need a policy service, which was not asked: they are not decided, and left out before and after. --ask-services asks it.`,
    ],
    [
      skipped["content-not-recorded"] ?? 0,
      `${skipped["content-not-recorded"]} calls are left out: their policy looked at content, which is not recorded, and failed.`,
    ],
    [
      sum(({ policy }) => policy?.without_content ?? 0),
      `${sum(({ policy }) => policy?.without_content ?? 0)} calls were decided by a policy without the content that it looked at: texts and requests are not recorded, and were empty or absent.`,
    ],
    [
      sum(({ policy }) => policy?.runs ?? 0),
      "Scripts and services draw as they like, and a script's Date is that of today: another replay may differ.",
    ],
    [
      sum(({ latency }) => latency.unknown),
      `${sum(({ latency }) => latency.unknown)} calls say nothing about latency: too few answers of their new target were recorded, or they had no whole answer.`,
    ],
    [unpinnable, `${unpinnable} calls belong to no recorded conversation and are not pinned.`],
    [readsPrompts, "Texts are not recorded, so prompt_features count as not found."],
    [unknownFeatures.size, `Not recorded, and taken as not used: ${[...unknownFeatures].toSorted().join(", ")}.`],
    [
      gone.length,
      `The new configuration does not name ${[...new Set(gone.map(({ target }) => target))].toSorted().join(", ")}; a provider with another name counts as another target.`,
    ],
    [unused.length, `No recorded call named ${unused.toSorted().join(", ")}.`],
  ]
  return notes.filter(([applies]) => Boolean(applies)).map(([, text]) => text)
}
