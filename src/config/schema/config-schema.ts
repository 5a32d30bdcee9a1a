/** The whole configuration file. */
import type { z } from "zod"
import { block, byDefault, list, optional, table } from "./field.ts"
import { file, identifier } from "./forms.ts"
import { group } from "./group.ts"
import { caller, membership, project, user } from "./identity.ts"
import { provider } from "./provider.ts"
import { server } from "./server.ts"

export const configSchema: z.ZodType = block(
  {
    server,
    providers: byDefault(table(identifier, provider, "The upstreams, by a name that targets use."), {}),
    models: byDefault(table(identifier, group, "The model groups, by the name that callers use."), {}),
    users: byDefault(list(user, "People and services that own callers."), []),
    projects: byDefault(list(project, "The purposes of calls."), []),
    project_memberships: byDefault(list(membership, "Which user belongs to which project."), []),
    callers: byDefault(list(caller, "The callers. At most 10,000: for more there is `callers_file`."), []),
    callers_file: optional(
      file("Further callers: one JSON object with the keys of `callers[]` on each line. Replace it in one step."),
    ),
  },
  "The configuration of smart-router.",
  { name: "Config" },
)
