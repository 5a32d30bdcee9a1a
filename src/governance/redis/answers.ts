/** What scripts answer, as the values that everybody works with. */
import { resetOf } from "../measure.ts"
import type { CheckView, CompiledLimits, Refusal } from "../state.ts"

export function refusalOf({ checks, subjects }: CompiledLimits, ts: number, answer: readonly unknown[]): Refusal {
  const check = checks[Number(answer[1])]
  const subject = check === undefined ? undefined : subjects[check.subject]
  if (check === undefined || subject === undefined)
    throw new Error("the store refused for a check that it was not given")
  const wait = Number(answer[5])
  return {
    kind: "refusal",
    check,
    subject,
    used: Number(answer[2]),
    reserved: Number(answer[3]),
    requested: Number(answer[4]),
    retryAfterMs: wait < 0 ? null : wait,
    resetsAt: resetOf(check, ts),
  }
}

export function viewsOf(
  { checks, subjects }: CompiledLimits,
  ts: number,
  answer: readonly unknown[],
): readonly CheckView[] {
  return checks.flatMap((check, index): CheckView[] => {
    const subject = subjects[check.subject]
    if (subject === undefined) return []
    const [used, reserved] = [Number(answer[1 + 2 * index]), Number(answer[2 + 2 * index])]
    return [{ check, subject, used, reserved, resetsAt: resetOf(check, ts) }]
  })
}
