import { expect, test } from "bun:test"
import { configSchema } from "./config-schema.ts"
import { anchorOf, describedBlocks, parsePath } from "./described.ts"

test.each([
  ["server.listen", "server.listen"],
  ["models.fast.targets[0].provider", "models.name.targets.provider"],
  ['models["a b"].targets[1]', "models.name.targets"],
  [
    "providers.p.models.m.price_tiers[2].input_price_per_million_usd",
    "providers.name.models.name.price_tiers.input_price_per_million_usd",
  ],
  [
    "models.fast.targets[0].price_tiers[0].above_input_tokens",
    "providers.name.models.name.price_tiers.above_input_tokens",
  ],
  ["callers[3].rate.rpm", "server.default_caller.rate.rpm"],
  ["projects[0].quota.month.tokens", "server.default_caller.quota.day.tokens"],
  ["server.lisn", "server"],
  ["nothing", null],
  ["", null],
])("%s is described at %s", (path, anchor) => {
  expect(anchorOf(configSchema, path, describedBlocks(configSchema))).toBe(anchor)
})

test("paths are read as findings write them", () => {
  expect(parsePath('models["a \\"b].c"].targets[10].model')).toEqual(["models", 'a "b].c', "targets", 10, "model"])
})
