import type { VNode } from "preact"

const WORDS: Readonly<Record<string, string>> = { ok: "good", warning: "warning", bad: "bad", off: "off" }
const SHAPES: Readonly<Record<string, string>> = {
  ok: "M2 6.5 5 9.5 10.5 3",
  warning: "M6 1.5 11 10.5H1Z M6 5v2.5 M6 9v.4",
  bad: "M2 2 10 10 M10 2 2 10",
  off: "M2 6H10",
}

/** Told apart by shape and word, not by colour alone. */
export function StateMark({ state }: { readonly state: string }): VNode {
  const known = WORDS[state] === undefined ? "off" : state
  return (
    <svg class={`mark ${known}`} viewBox="0 0 12 12" width="12" height="12" role="img" aria-label={WORDS[known]}>
      <path d={SHAPES[known]} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round" />
    </svg>
  )
}
