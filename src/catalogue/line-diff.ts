/** What changed between two texts, by lines: https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html */

const AROUND = 3

/** As `diff -u` writes it, without the heads of files; empty: nothing changed. */
export function lineDiff(before: string, after: string): string {
  const steps = stepsOf(before.split("\n"), after.split("\n"))
  const changed = steps.flatMap(({ mark }, index) => (mark === " " ? [] : [index]))
  const hunks: (readonly [from: number, to: number])[] = []
  for (const index of changed) {
    const last = hunks.at(-1)
    const to = Math.min(steps.length, index + AROUND + 1)
    if (last !== undefined && index - AROUND <= last[1]) hunks[hunks.length - 1] = [last[0], to]
    else hunks.push([Math.max(0, index - AROUND), to])
  }
  return hunks.map(([from, to]) => hunkText(steps, from, to)).join("\n")
}

interface Step {
  readonly mark: " " | "-" | "+"
  readonly line: string
}

function hunkText(steps: readonly Step[], from: number, to: number): string {
  const lines = (part: readonly Step[], but: Step["mark"]): number => part.filter(({ mark }) => mark !== but).length
  const [before, inside] = [steps.slice(0, from), steps.slice(from, to)]
  const [first, then] = (["+", "-"] as const).map((but) => `${lines(before, but) + 1},${lines(inside, but)}`)
  return [`@@ -${first} +${then} @@`, ...inside.map(({ mark, line }) => mark + line)].join("\n")
}

/** The common lines of both ends stay; between them the longest common row of lines does. */
function stepsOf(before: readonly string[], after: readonly string[]): readonly Step[] {
  let head = 0
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1
  let tail = 0
  const shorter = Math.min(before.length, after.length) - head
  while (tail < shorter && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1
  return [
    ...before.slice(0, head).map(unchanged),
    ...changedSteps(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(unchanged),
  ]
}

function unchanged(line: string): Step {
  return { mark: " ", line }
}

/** A table of so many cells takes some tens of milliseconds. */
const MOST_CELLS = 16_000_000

function changedSteps(before: readonly string[], after: readonly string[]): readonly Step[] {
  const width = after.length + 1
  if (before.length * after.length > MOST_CELLS)
    return [...before.map((line): Step => ({ mark: "-", line })), ...after.map((line): Step => ({ mark: "+", line }))]
  const common = new Uint32Array((before.length + 1) * width)
  for (let i = before.length - 1; i >= 0; i -= 1)
    for (let j = after.length - 1; j >= 0; j -= 1)
      common[i * width + j] =
        before[i] === after[j]
          ? 1 + (common[(i + 1) * width + j + 1] ?? 0)
          : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0)
  const steps: Step[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    const [old, now] = [before[i], after[j]]
    if (old !== undefined && old === now) {
      steps.push({ mark: " ", line: old })
      i += 1
      j += 1
    } else if (
      old !== undefined &&
      (now === undefined || (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
    ) {
      steps.push({ mark: "-", line: old })
      i += 1
    } else {
      steps.push({ mark: "+", line: now ?? "" })
      j += 1
    }
  }
  return steps
}
