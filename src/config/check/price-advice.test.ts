import { expect, test } from "bun:test"
import { KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"

const PRICED = "input_price_per_million_usd: 1, output_price_per_million_usd: 0"

/** `model`: more of the catalogue's entry; `project` and `caller`: more of theirs. */
function config(model: string, project = "", caller = ""): string {
  return SMALLEST.replace(
    "{ model: gpt-5-mini }",
    `{ model: gpt-5-mini${model} }\n      big: { model: gpt-5, ${PRICED} }`,
  )
    .replace("name: Lab, status: active", `name: Lab, status: active${project}`)
    .replace("allow: [default]", `allow: [default]${caller}`)
}

function found(yaml: string): readonly (readonly [string, string, string])[] {
  const { findings } = loadText(yaml, { env: KEYS })
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([])
  return findings
    .filter(({ code }) => code === "price-unknown" || code === "budget-without-price")
    .map(({ severity, code, path }) => [severity, code, path])
}

const TARGET = "models.default.targets[0]"
const INFO: ReturnType<typeof found> = [["info", "price-unknown", TARGET]]
const WARNING: ReturnType<typeof found> = [["warning", "budget-without-price", TARGET]]

test("prices that are unknown matter more where money has a budget", () => {
  expect(found(config(""))).toEqual(INFO)
  expect(found(config(`, ${PRICED}`, ", spend: { month_usd: 5 }"))).toEqual([])
  expect(found(config("", ", spend: { month_usd: 5 }"))).toEqual(WARNING)
  expect(found(config("", "", ", spend: { day_usd: 5 }"))).toEqual(WARNING)
  expect(found(config(", input_price_per_million_usd: 1", "", ", spend: { day_usd: 5 }"))).toEqual(WARNING)
  // limits that do not count money
  expect(found(config("", ", quota: { day: { tokens: 5 } }", ", rate: { rpm: 5 }"))).toEqual(INFO)
})

test("callers that cannot come there do not count", () => {
  const spends = ", spend: { day_usd: 5 }"
  expect(found(config("", "", spends).replace("status: active,\n", "status: suspended,\n"))).toEqual(INFO)
  expect(found(config("", "", spends).replace("allow: [default]", "allow: []"))).toEqual(INFO)
})

test("a budget that all callers start from counts", () => {
  const yaml = config("").replace("server:\n", "server:\n  default_caller: { spend: { month_usd: 5 } }\n")
  expect(found(yaml)).toEqual(WARNING)
})

test("the advice tells which callers are kept away, and whether anything is left for them", () => {
  const message = (yaml: string): string | undefined =>
    loadText(yaml, { env: KEYS }).findings.find(({ code }) => code === "budget-without-price")?.message
  const alone = config("", ", spend: { month_usd: 5 }")
  expect(message(alone)).toContain('the caller "me-lab"')
  expect(message(alone)).toContain("the group cannot serve them")
  const mixed = alone.replace("model_ref: mini }]", "model_ref: mini }, { provider: openai, model_ref: big }]")
  expect(message(mixed)).not.toContain("the group cannot serve them")
  expect(found(mixed)).toEqual(WARNING)
})
