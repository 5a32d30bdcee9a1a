/** Security events are kept as long as the configuration says, and no longer. */
import { expect, setDefaultTimeout, test } from "bun:test"
import { HASHES, user, withAdministrators } from "../../helpers/administrators.ts"
import { eventually } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { onEachDriver } from "../../helpers/ledger-drivers.ts"
import { SAMPLES } from "../../helpers/samples.ts"

setDefaultTimeout(300_000)

const DAY_MS = 86_400_000
const COUNT = "SELECT count(*) AS count FROM security_access_events"

onEachDriver((driver) => {
  test("events go after retention_days, and newer ones stay", async () => {
    const clock = new HeldClock()
    const upstream = await FakeUpstream.start()
    await using state = await driver.state()
    await using gateway = await startGateway(
      {
        upstreams: { upstream },
        env: HASHES,
        configure: (config) => {
          config.server["usage_db"] = state.usageDb
          config.server["admin_reports"] = { enabled: true, security: { enabled: true, retention_days: 7 } }
          withAdministrators(config, [user("ann")], {}, { authorization: { enabled: true } })
        },
      },
      { clock },
    )
    const count = async (): Promise<number> => Number((await state.rows<{ count: number | string }>(COUNT))[0]?.count)
    const refused = async (): Promise<void> => {
      const body = SAMPLES.chat.request({ text: "hi" })
      expect((await gateway.call("chat", body, { token: "rtr_nobody" })).status).toBe(401)
    }
    const REFUSALS = 3
    for (let day = 0; day < REFUSALS; day += 1) {
      await refused()
      await clock.leap(DAY_MS)
    }
    await eventually("the events are written", async () => ((await count()) === REFUSALS ? true : undefined))
    // two are older than seven days, the third is not
    await clock.leap(5 * DAY_MS)
    await eventually("the oldest is gone", async () => {
      // a look that falls into the one before it is left out
      await clock.leap(600_000)
      return (await count()) === REFUSALS - 2 ? true : undefined
    })
    await refused()
    await clock.leap(600_000)
    await eventually("new ones are kept", async () => ((await count()) === REFUSALS - 1 ? true : undefined))
    await upstream.stop()
  })
})
