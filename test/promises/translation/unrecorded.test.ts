/** A call that cannot be recorded does not end like a finished one, whatever dialect it came from and went to. */
import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { stream } from "../../helpers/behaviours.ts"
import { readAnswer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at, FAILURE_TERMINAL, framesOf, jsonOf, terminalsOf } from "../../helpers/streams.ts"
import { ALL_PAIRS, groupOf, translating } from "../../helpers/translating.ts"

test("the terminal event is an error where the rows can stand nowhere", async () => {
  const upstream = await FakeUpstream.start()
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      translating(config, ["upstream"])
      config.server["usage_db"] = { driver: "sqlite", path: "state/usage.sqlite", on_unavailable: "fail_closed" }
    },
  })
  const gate = Promise.withResolvers<void>()
  const opened = await Promise.all(
    ALL_PAIRS.map(async ([client, target]) => {
      const marker = `unrecorded <${client} ${target}>`
      const frames = SAMPLES[target].frames()
      const shown = SAMPLES[target].framesBeforeContent + 1
      upstream.plan(marker, stream([...frames.slice(0, shown), { until: gate.promise }, ...frames.slice(shown)]))
      const body = SAMPLES[client].request({ model: groupOf("upstream", target), stream: true, text: marker })
      return { client, target, response: await gateway.open(client, body) }
    }),
  )
  const database = new Database(databasePath(gateway.directory))
  database.run("BEGIN IMMEDIATE")
  gate.resolve()
  for (const { client, target, response } of opened) {
    const { text } = await readAnswer(response)
    expect([client, target, terminalsOf(client, text)]).toEqual([client, target, [FAILURE_TERMINAL[client]]])
    expect(text).toContain("usage-store-unavailable")
    if (client !== "responses") continue
    const events = framesOf(text).map(jsonOf)
    const [first] = events
    expect(at(events.at(-1), "response", "id")).toBe(at(first, "response", "id") as string)
    expect(Number(at(events.at(-1), "sequence_number"))).toBeGreaterThan(Number(at(events.at(-2), "sequence_number")))
  }
  database.run("ROLLBACK")
  database.close()
  await upstream.stop()
})
