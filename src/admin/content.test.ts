/** A legal hold that comes while content is about to be deleted keeps it. */
import { expect, test } from "bun:test"
import { onEachDriver } from "../../test/helpers/ledger-drivers.ts"
import type { ContentRow } from "../ledger/content.ts"
import { asRouterError } from "../errors.ts"
import { systemClock } from "../system/clock.ts"
import { systemRandom } from "../system/random.ts"
import { deleteContent } from "./content.ts"

const ID = `req_${"0".repeat(32)}`
const ROW: ContentRow = {
  request_id: ID,
  part: "request",
  piece: 0,
  pieces: 1,
  ts: 1,
  caller_id: "c",
  caller_project: "p",
  caller_environment: "e",
  resolved_group: "g",
  form: "json",
  coding: "none",
  original_bytes: 1,
  kept_bytes: 1,
  truncated: 0,
  redactions: 0,
  left_out: 0,
  day: "2026-11-30",
  local_key_id: "local",
  retention_until: 2,
  sealed: new Uint8Array(1),
}
const HOLD = `INSERT INTO legal_holds (hold_id, data_class, request_id, ids_from, ids_to, reason, placed_at, placed_by)
  VALUES ('hold_1', 'content_capture', '${ID}', '', 'g', 'case 12', 1, 'ann')`

onEachDriver((driver) => {
  test("what is held in the last moment stays", async () => {
    await using state = await driver.state()
    const { content: store } = await state.open()
    await store.insert([ROW])
    const actor = { subject: "ann", domain: "*", requestId: ID }
    const tools = { keys: () => [], clock: systemClock, random: systemRandom() }
    const holding = {
      ...store,
      audit: async (event: Parameters<typeof store.audit>[0]) => {
        await state.change([HOLD])
        return store.audit(event)
      },
    }
    const deleting = deleteContent(ID, actor, () => true, { ...tools, store: holding })
    expect(await deleting.catch(asRouterError)).toMatchObject({ code: "content-held" })
    expect(await store.of(ID)).toHaveLength(1)
    await state.change(["UPDATE legal_holds SET released_at = 2"])
    expect(await deleteContent(ID, actor, () => true, { ...tools, store })).toEqual({
      request_id: ID,
      deleted_parts: 1,
    })
    expect(await store.of(ID)).toEqual([])
  })
})
