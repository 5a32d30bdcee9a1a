import type { PageDefinition } from "./page.ts"

export const CALLS: PageDefinition = {
  name: "calls",
  title: "Calls",
  about: "Find calls by whatever is known of them. Each opens its whole story.",
  by: [],
  hasRange: true,
  blocks: [{ show: "calls", limit: 50, id: "calls", title: "Calls" }],
}

/** Not in the menu: a row of a list of calls opens it. */
export const CALL: PageDefinition = {
  name: "call",
  title: "Call",
  about: "One call, from its first byte to its last row.",
  by: [],
  hasRange: false,
  blocks: [{ show: "part", part: "call", id: "call", title: "The call" }],
}
