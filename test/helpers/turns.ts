/** A conversation that grows turn by turn, as plain clients of each dialect send it. */
import type { Dialect } from "./samples.ts"
import { at } from "./streams.ts"

type Json = Readonly<Record<string, unknown>>

export interface Turns {
  /** The further members of the next call's body. */
  readonly extra: Readonly<Record<string, unknown>>
  /** Takes an answer's own items back, then asks the next question. */
  goOn(answer: unknown, question: string): void
}

const KEPT: Readonly<Record<Dialect, (answer: unknown) => readonly Json[]>> = {
  chat: (answer) => [at(answer, "choices", 0, "message") as Json],
  responses: (answer) => at(answer, "output") as readonly Json[],
  messages: (answer) => [{ role: "assistant", content: at(answer, "content") }],
}

export function turns(dialect: Dialect, question: string): Turns {
  const history: Json[] = [{ role: "user", content: question }]
  return {
    get extra() {
      return { [dialect === "responses" ? "input" : "messages"]: history }
    },
    goOn: (answer, next) => {
      history.push(...KEPT[dialect](answer), { role: "user", content: next })
    },
  }
}
