import type { PageDefinition } from "./page.ts"

export const CATALOGUE: PageDefinition = {
  name: "catalogue",
  title: "Catalogue",
  about: "Which models there are, what they cost, which of them serve, and what is proven of them.",
  by: [],
  hasRange: false,
  blocks: [
    { show: "part", part: "targets", id: "targets", title: "Targets" },
    { show: "part", part: "capabilities", id: "capabilities", title: "What targets can do" },
    { show: "part", part: "prices", id: "prices", title: "Prices" },
    { show: "part", part: "findings", id: "findings", title: "What the configuration's check says" },
  ],
}

export const LIMITS: PageDefinition = {
  name: "limits",
  title: "Limits",
  about: "The limits of callers and projects, the nearest to its end first.",
  by: [],
  hasRange: false,
  blocks: [{ show: "part", part: "limits", id: "limits", title: "Limits of callers and projects", live: true }],
}

export const SECURITY: PageDefinition = {
  name: "security",
  title: "Security",
  about: "Sign-ins, refusals, and reports that administrators read and exported.",
  by: [],
  hasRange: true,
  blocks: [{ show: "part", part: "security", id: "security", title: "Events" }],
}

export const SYSTEM: PageDefinition = {
  name: "system",
  title: "System",
  about: "Which version runs with which configuration, and how its stores are.",
  by: [],
  hasRange: false,
  blocks: [
    { show: "part", part: "system", id: "system", title: "The router", half: true, live: true },
    { show: "part", part: "state", id: "state", title: "Stores", half: true, live: true },
    { show: "part", part: "retention", id: "retention", title: "Retention" },
    { show: "part", part: "inactive", id: "inactive", title: "Accepted, but not active" },
  ],
}
