/** Limits: rate, quota, lifetime budget, money, traffic shaping. `0` means "no limit" everywhere. */
import type { z } from "zod"
import {
  amount,
  block,
  byDefault,
  choice,
  flag,
  integer,
  key,
  list,
  milliseconds,
  optional,
  ruled,
  table,
  type Shape,
} from "./field.ts"
import { identifier } from "./forms.ts"
import { TIER_ORDER } from "./word-lists.ts"

const rateShape: Shape = {
  rpm: integer("Requests in a rolling minute.", { unit: "requests" }),
  tpm: integer("Estimated input and reserved output tokens in a rolling minute.", { unit: "tokens" }),
  concurrent: integer("Calls in flight at the same time.", { unit: "calls" }),
}

const span = (name: string): z.ZodType =>
  byDefault(
    block(
      {
        requests: byDefault(integer("Requests in the span.", { unit: "requests" }), 0),
        tokens: byDefault(integer("Input and output tokens in the span.", { unit: "tokens" }), 0),
      },
      `The quota of a UTC calendar ${name}.`,
      { name: "QuotaWindow" },
    ),
    {},
  )

const softPercent = (share: number): z.ZodType =>
  byDefault(
    integer("From this share of the limit on, calls are recorded with a warning state.", { max: 100, unit: "%" }),
    share,
  )

export const rate: z.ZodType = byDefault(
  block(zeroes(rateShape), "How fast calls may come, over all callers that share this block.", { name: "Rate" }),
  {},
)

export const quota: z.ZodType = byDefault(
  block(
    { day: span("day"), month: span("month"), soft_pct: softPercent(80) },
    "How much may be used in a day and a month.",
    { name: "Quota" },
  ),
  {},
)

export const lifetimeKey: z.ZodType = byDefault(
  block(
    {
      lifetime_tokens: byDefault(integer("Tokens that this caller may ever use.", { unit: "tokens" }), 0),
      soft_pct: softPercent(90),
      on_exhaust: byDefault(
        choice(["disable"], "What happens to the caller when its lifetime budget is spent."),
        "disable",
      ),
    },
    "The lifetime budget of the caller.",
    { name: "LifetimeKey" },
  ),
  {},
)

const spendShape: Shape = {
  day_usd: amount("Money that may be spent in a UTC calendar day.", { unit: "USD" }),
  month_usd: amount("Money that may be spent in a UTC calendar month.", { unit: "USD" }),
}

export const spend: z.ZodType = byDefault(
  block(zeroes(spendShape), "Budgets in money, reserved like tokens.", { name: "Spend" }),
  {},
)

const queue: z.ZodType = byDefault(
  block(
    {
      enabled: byDefault(flag("Let calls wait for a bounded time instead of refusing them at once."), false),
      max_wait_ms: byDefault(milliseconds("The longest wait."), 0),
      max_depth: byDefault(integer("The most calls of one caller that may wait.", { unit: "calls" }), 0),
    },
    "The waiting room of a caller.",
    { name: "ShapeQueue" },
  ),
  {},
)

const startBuckets: Shape = {
  request_start_per_sec: byDefault(
    amount("Calls that may start in a second, on average.", { unit: "calls per second" }),
    0,
  ),
  request_burst: byDefault(integer("Calls that may start at once.", { unit: "calls" }), 0),
  input_tokens_per_sec: byDefault(amount("Estimated input tokens in a second.", { unit: "tokens per second" }), 0),
  input_token_burst: byDefault(integer("Estimated input tokens at once.", { unit: "tokens" }), 0),
  total_reserved_tokens_per_sec: byDefault(
    amount("Estimated input and reserved output tokens in a second.", { unit: "tokens per second" }),
    0,
  ),
  total_reserved_token_burst: byDefault(
    integer("Estimated input and reserved output tokens at once.", { unit: "tokens" }),
    0,
  ),
}

const callerBuckets: Shape = {
  ...startBuckets,
  output_reservation_tokens_per_sec: byDefault(
    amount("Reserved output tokens in a second.", { unit: "tokens per second" }),
    0,
  ),
  output_reservation_token_burst: byDefault(integer("Reserved output tokens at once.", { unit: "tokens" }), 0),
  queue,
}

export const defaultCallerShaping: z.ZodType = byDefault(
  block(callerBuckets, "The token buckets that every caller starts from.", { name: "CallerBuckets" }),
  {},
)

export const callerShaping: z.ZodType = optional(
  block(
    { enabled: byDefault(flag("`false` takes this caller out of traffic shaping."), true), ...callerBuckets },
    "The caller's own token buckets, in place of `server.traffic_shape.default_caller`.",
    { name: "CallerShaping" },
  ),
)

const costOfCall = (description: string): z.ZodType => amount(description, { unit: "USD" })

export const spendCeiling: z.ZodType = optional(
  block(
    {
      max_estimated_cost_usd: byDefault(costOfCall("The highest estimated cost of a call."), 0),
      max_tier: optional(
        key(
          identifier,
          `The highest tier, in the order ${TIER_ORDER.join(", ")}; targets of no such tier are left out. Of another tier: that one alone.`,
        ),
      ),
      allowed_tiers: optional(list(key(identifier, "A tier."), "The tiers that may serve; others are left out.")),
      tier_ceilings: byDefault(
        table(identifier, costOfCall("The highest estimated cost of a call there."), "Ceilings by the target's tier."),
        {},
      ),
    },
    "What one call may cost at a target. Ceilings of group and caller both hold.",
    { name: "SpendCeilingConfig" },
  ),
)

const backoff = (name: string, cause: string, minMs: number, maxMs: number): z.ZodType =>
  byDefault(
    ruled(
      block(
        {
          enabled: byDefault(flag("Put the scope's targets behind the others after such a failure."), false),
          min_backoff_ms: byDefault(milliseconds("The first pause."), minMs),
          max_backoff_ms: byDefault(milliseconds("The longest pause."), maxMs),
          multiplier: byDefault(amount("Growth of the pause from one failure to the next.", { min: 1, max: 100 }), 2),
          honor_retry_after: byDefault(
            flag("Take the provider's `Retry-After` as the pause, within the bounds."),
            true,
          ),
        },
        `The pause after ${cause}.`,
        { name },
      ),
      (value) =>
        Number(value["max_backoff_ms"]) === 0 || Number(value["min_backoff_ms"]) <= Number(value["max_backoff_ms"])
          ? null
          : { path: ["min_backoff_ms"], message: "The first pause is longer than the longest." },
    ),
    {},
  )

export const providerShaping: z.ZodType = optional(
  block(
    {
      enabled: byDefault(flag("Whether this block counts."), false),
      ...startBuckets,
      upstream_429_backoff: backoff("RateLimitBackoff", "a 429 of the provider", 1000, 60_000),
      upstream_quota_backoff: backoff("QuotaBackoff", "an exhausted quota or balance at the provider", 30_000, 300_000),
    },
    "Capacity that all callers share. Blocks of provider, model and target are cumulative.",
    { name: "ProviderShaping" },
  ),
)

/** What callers start from. */
export const defaultCaller: z.ZodType = byDefault(
  block({ rate, quota, spend }, "The limits that callers start from; a caller's own keys win.", {
    name: "DefaultCaller",
  }),
  {},
)

function zeroes(shape: Shape): Shape {
  return Object.fromEntries(Object.entries(shape).map(([name, schema]) => [name, byDefault(schema, 0)]))
}
