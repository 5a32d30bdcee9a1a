/** `activation` of a group: whether its targets must be proven, and how proofs are kept alive. */
import type { z } from "zod"
import { amount, block, byDefault, choice, duration, list, optional, pattern, shorthand } from "./field.ts"

const MODES = ["off", "observe", "required"]

export const activation: z.ZodType = byDefault(
  shorthand(
    block(
      {
        mode: byDefault(
          choice(
            MODES,
            "`required`: a target serves a call only while it has passing, unexpired records for all that the call needs. `observe`: what would be refused is recorded, and served. `off`: nothing is asked.",
          ),
          "required",
        ),
        revalidate: optional(
          duration("`serve` checks anew what was proven so long ago. Absent: only `smart-router validate` checks."),
        ),
        expires_after: byDefault(
          duration("How long a record holds. An imported one holds no longer than it says."),
          "7d",
        ),
        max_usd_per_day: byDefault(
          amount("The most that checks of `revalidate` may cost in a day (UTC), for the targets of this group."),
          1,
        ),
        trust: byDefault(
          list(
            pattern(
              /^ed25519:[A-Za-z0-9_-]{43}$/,
              "ed25519: and 43 characters, as `smart-router activation key` prints it",
              "A public key.",
            ),
            "Imported records count where one of these keys has signed them.",
          ),
          [],
        ),
      },
      "Whether targets must be proven before they serve, and how proofs are kept; see [activation](activation.md). A word alone is the `mode`.",
      { name: "ActivationConfig" },
    ),
    "mode",
    MODES,
  ),
  "off",
)
