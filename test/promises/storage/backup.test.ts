/** A usage database is copied while calls come, and put back so that nothing left behind can undo it. */
import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { runHere, smartRouter } from "../../helpers/command-line.ts"
import type { Prepared } from "../../helpers/config.ts"
import { prepare } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

function ids(path: string): string[] {
  using database = new Database(path, { readonly: true })
  return database
    .query<{ id: string }, []>("SELECT request_id AS id FROM request_usage ORDER BY 1")
    .all()
    .map(({ id }) => id)
}

const on = (prepared: Prepared) => ({ env: prepared.env })

test("a copy made under load is sound, holds what was finished before, and is put back over a leftover log", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const prepared = prepare({ upstreams: { upstream } })
  const config = ["--config", prepared.configPath]
  const copy = join(prepared.directory, "copy.sqlite")
  const router = await spawnRouter(prepared)
  const finished: string[] = []
  const call = async (): Promise<void> =>
    void finished.push((await router.call("chat", SAMPLES.chat.request())).requestId ?? "")
  for (let count = 0; count < 5; count += 1) await call()
  const before = [...finished]
  const beside = Promise.all(Array.from({ length: 20 }, call))
  const made = await smartRouter(["backup", copy, "--json", ...config], on(prepared))
  expect({ code: made.code, err: made.err }).toEqual({ code: 0, err: "" })
  await beside
  const copied = ids(copy)
  const facts = JSON.parse(made.out) as Readonly<Record<string, unknown>>
  expect(copied).toEqual(expect.arrayContaining(before))
  expect(facts).toMatchObject({ calls: copied.length, bytes: statSync(copy).size })
  expect(statSync(copy).mode & 0o777).toBe(0o600)
  expect(existsSync(`${copy}-wal`)).toBe(false)

  // the router is in the way of a restore, also when it cannot answer
  expect(await runHere(["restore", copy, ...config], on(prepared))).toMatchObject({
    code: 1,
    err: expect.stringContaining(`process ${router.pid}`),
  })
  router.signal("SIGKILL")
  await router.exited
  const path = databasePath(prepared.directory)
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0)
  expect(await runHere(["restore", copy, ...config], on(prepared))).toMatchObject({ code: 0, err: "" })
  expect(ids(path)).toEqual(copied)
  const kept = readdirSync(dirname(path)).filter((name) => name.includes(".before-") && !/-(wal|shm)$/.test(name))
  expect(kept).toHaveLength(1)
  expect(ids(join(dirname(path), kept[0] ?? ""))).toEqual(finished.toSorted())

  await using again = await spawnRouter(prepared)
  const { requestId } = await again.call("chat", SAMPLES.chat.request())
  expect(ids(path)).toEqual([...copied, requestId ?? ""].toSorted())
  await upstream.stop()
})

test("a copy is never written over, and a damaged, foreign or newer one is not put in place", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const gateway = await startGateway({ upstreams: { upstream } })
  const { prepared } = gateway
  const config = ["--config", prepared.configPath]
  for (let count = 0; count < 50; count += 1) await gateway.call("chat", SAMPLES.chat.request())
  const copy = join(prepared.directory, "copy.sqlite")
  const backup = () => runHere(["backup", copy, ...config], on(prepared))
  expect(await backup()).toMatchObject({ code: 0 })
  expect(await backup()).toMatchObject({ code: 1, err: expect.stringContaining("is there already") })
  expect(await runHere(["backup", "/nowhere/copy.sqlite", ...config], on(prepared))).toMatchObject({ code: 1, out: "" })
  await gateway.stop()
  const path = databasePath(prepared.directory)
  const name = (what: string): string => join(prepared.directory, `${what}.sqlite`)
  const damaged = readFileSync(copy)
  damaged.fill(0xff, damaged.length >> 1, (damaged.length >> 1) + 8192)
  writeFileSync(name("damaged"), damaged)
  writeFileSync(name("text"), "no database at all, ".repeat(500))
  new Database(name("foreign")).run("CREATE TABLE other (id INTEGER)")
  copyFileSync(copy, name("newer"))
  new Database(name("newer")).run("INSERT INTO schema_migrations VALUES (999, 'later', 0)")
  const before = ids(path)
  {
    using other = new Database(path)
    other.query("SELECT count(*) FROM request_usage").get()
    const held = await runHere(["restore", copy, ...config], on(prepared))
    expect(held).toMatchObject({ code: 1, err: expect.stringContaining("is in use by another process") })
  }
  for (const what of ["damaged", "text", "foreign", "newer", "missing"]) {
    const { code, err } = await runHere(["restore", name(what), ...config], on(prepared))
    expect({ what, code, names: err.includes(name(what)) || err.includes("newer") }).toEqual({
      what,
      code: 1,
      names: true,
    })
    expect(ids(path)).toEqual(before)
  }
  prepared.remove()
  await upstream.stop()
})
