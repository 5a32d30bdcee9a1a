/** How a conversation stands in each dialect: what does not depend on the target. */
import type { Dialect } from "./origin.ts"

export interface Form {
  /** Leading system messages join the instructions, whatever the target takes. */
  readonly hoists: boolean
  /** No two messages of one role in a row, results are user content, and a user begins. */
  readonly alternates: boolean
  readonly names: boolean
  readonly audio: boolean
  /** Tool results can say that they are errors. */
  readonly errorFlag: boolean
  /** How a call id stands that was used again. Chat servers get back what they made: some read the tool's name out of it. */
  readonly repeatedIds: "own" | "renamed"
  /** A choice may name several tools. */
  readonly namesAllowed: boolean
  /** A history with calls needs a tool that is declared. */
  readonly callsNeedTools: boolean
}

export const FORMS: Readonly<Record<Dialect, Form>> = {
  chat: {
    hoists: false,
    alternates: false,
    names: true,
    audio: true,
    errorFlag: false,
    repeatedIds: "own",
    namesAllowed: false,
    callsNeedTools: false,
  },
  responses: {
    hoists: false,
    alternates: false,
    names: false,
    audio: true,
    errorFlag: false,
    repeatedIds: "renamed",
    namesAllowed: true,
    callsNeedTools: false,
  },
  messages: {
    hoists: true,
    alternates: true,
    names: false,
    audio: false,
    errorFlag: true,
    repeatedIds: "renamed",
    namesAllowed: false,
    callsNeedTools: true,
  },
}
