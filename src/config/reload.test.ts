import { describe, expect, test } from "bun:test"
import { KEYS, loadText, SMALLEST } from "../../test/helpers/load-text.ts"
import type { Log, LogFields } from "../system/log.ts"
import type { Config } from "./config.ts"
import { digestOf } from "./load.ts"
import { readingOf, type Reading } from "./load-apart.ts"
import { startReloading } from "./reload.ts"
import type { WatchTools } from "./watch.ts"

const load = (yaml: string): Reading => readingOf(loadText(yaml, { env: KEYS }))

function running(yaml: string): Reading & { readonly config: Config } {
  const { config, ...rest } = load(yaml)
  if (config === null) throw new Error("the first configuration must be valid")
  return { ...rest, config }
}

/** Everything here is a promise that waits for no clock: a few turns of the loop settle it. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve))
}

class NeedsFile extends Error {
  readonly file = "/script.ts"
}

function bench(first: string = SMALLEST) {
  const lines: { readonly level: string; readonly message: string; readonly fields: LogFields | undefined }[] = []
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, fields })
  const log: Log = { info: at("info"), warn: at("warn"), error: at("error") }
  const state = {
    yaml: first,
    applied: [] as Config[],
    request: () => {},
    print: "0",
    prints: new Map<string, string>(),
    seen: new Set<string>(),
    look: () => Promise.resolve(),
    watching: 0,
  }
  const watchTools: WatchTools = {
    fingerprint: (path) => {
      state.seen.add(path)
      return Promise.resolve(state.prints.get(path) ?? state.print)
    },
    every: (_, action) => {
      state.watching += 1
      state.look = action
      return () => {
        state.watching -= 1
      }
    },
  }
  const start = (apply: (config: Config) => void | Promise<void> = (config) => void state.applied.push(config)) =>
    startReloading({
      running: running(first),
      load: () => Promise.resolve(load(state.yaml)),
      digest: () => digestOf(state.yaml),
      apply,
      filesBehind: (error) => (error instanceof NeedsFile ? [error.file] : []),
      log,
      onRequest: (listener) => {
        state.request = listener
        return () => {
          state.request = () => {}
        }
      },
      watchTools,
    })
  return { state, lines, start }
}

describe("a reload", () => {
  test("puts a valid configuration into force and says what changed", async () => {
    const { state, start, lines } = bench()
    const reloader = start()
    state.yaml = SMALLEST.replace("strategy: static", "strategy: failover").replace("name: Me", "name: I")
    expect(await reloader.reload()).toEqual({
      is: "applied",
      changed: ["models.default", "users"],
      needRestart: [],
      digest: digestOf(state.yaml),
    })
    expect(state.applied.map((config) => config.models["default"]?.strategy)).toEqual(["failover"])
    expect(lines).toMatchObject([{ level: "info", fields: { changed: ["models.default", "users"] } }])
  })

  test("refuses an invalid one whole, with the reasons", async () => {
    const { state, start, lines } = bench()
    const reloader = start()
    state.yaml = SMALLEST.replace("strategy: static", "strategy: failover").replace("allow: [default]", "allow: [gone]")
    const outcome = await reloader.reload()
    expect(outcome).toEqual({
      is: "refused",
      reasons: ['19:124 callers[0].allow[0]: There is no model group "gone".'],
      digest: digestOf(state.yaml),
    })
    expect(state.applied).toEqual([])
    expect(lines).toMatchObject([{ level: "error" }])
  })

  test("stays with the one before when the new one cannot be put into force", async () => {
    const { state, start } = bench()
    const reloader = start(() => {
      throw new Error("the certificate does not fit its key")
    })
    state.yaml = SMALLEST.replace("name: Me", "name: I")
    expect(await reloader.reload()).toMatchObject({ is: "refused", reasons: ["the certificate does not fit its key"] })
    state.yaml = SMALLEST
    expect(await reloader.reload()).toMatchObject({ is: "refused" })
  })

  test("says which keys need a restart, for as long as they differ from what runs", async () => {
    const { state, start, lines } = bench()
    const reloader = start()
    state.yaml = SMALLEST.replace("8080", "8081").replace("server:\n", "server:\n  usage_db: { path: other.sqlite }\n")
    expect(await reloader.reload()).toMatchObject({ needRestart: ["server.listen", "server.usage_db"] })
    expect(lines.map(({ level }) => level)).toEqual(["info", "warn"])
    expect(await reloader.reload()).toMatchObject({ changed: [], needRestart: ["server.listen", "server.usage_db"] })
    state.yaml = SMALLEST
    expect(await reloader.reload()).toMatchObject({ needRestart: [] })
  })

  test("is one at a time: requests during a reload lead to one more", async () => {
    const { state, start } = bench()
    const gate = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const seen: string[] = []
    const reloader = start(async (config) => {
      seen.push(config.users[0]?.name ?? "")
      started.resolve()
      await gate.promise
    })
    state.yaml = SMALLEST.replace("name: Me", "name: A")
    const first = reloader.reload()
    await started.promise
    state.yaml = SMALLEST.replace("name: Me", "name: B")
    const further = [reloader.reload(), reloader.reload(), reloader.reload()]
    gate.resolve()
    await Promise.all([first, ...further])
    expect(seen).toEqual(["A", "B"])
  })

  test("never logs a secret", async () => {
    const { state, start, lines } = bench()
    const reloader = start()
    state.yaml = SMALLEST.replace("${OPENAI_API_KEY}", "sk-new-secret-1")
    await reloader.reload()
    expect(JSON.stringify(lines)).not.toContain("sk-new-secret-1")
    expect(state.applied[0]?.providers["openai"]?.api_key).toBe("sk-new-secret-1")
  })
})

describe("a reload is started", () => {
  test("by the signal", async () => {
    const applied = Promise.withResolvers<Config>()
    const { state, start } = bench()
    start((config) => applied.resolve(config))
    state.request()
    expect((await applied.promise).users).toHaveLength(1)
  })

  test("by a changed file where watch_config is on, which a reload switches on and off", async () => {
    const { state, start } = bench()
    const second = Promise.withResolvers<void>()
    const reloader = start((config) => {
      state.applied.push(config)
      if (state.applied.length === 2) second.resolve()
    })
    expect(state.watching).toBe(0)
    state.yaml = SMALLEST.replace("  listen:", "  watch_config: true\n  listen:")
    await reloader.reload()
    expect(state.watching).toBe(1)
    await state.look()
    state.print = "1"
    await state.look()
    await state.look()
    await second.promise
    state.yaml = SMALLEST
    await reloader.reload()
    expect(state.watching).toBe(0)
  })

  test("by a file that changed after it was read and before it was watched", async () => {
    const { state, start } = bench(SMALLEST.replace("  listen:", "  watch_config: true\n  listen:"))
    const applied = Promise.withResolvers<Config>()
    state.yaml = state.yaml.replace("name: Me", "name: I")
    start((config) => applied.resolve(config))
    expect((await applied.promise).users).toMatchObject([{ name: "I" }])
  })

  describe("by a file that was missing, and by one that changed before the first look at it,", () => {
    const watching = SMALLEST.replace("  listen:", "  watch_config: true\n  listen:")

    test("where the text needs it", async () => {
      const { state, start, lines } = bench(watching)
      const reloader = start()
      await settled()
      state.yaml = watching.replace("${OPENAI_API_KEY}", "${file:late.key}")
      expect(await reloader.reload()).toMatchObject({ is: "refused" })
      await state.look()
      await settled()
      const late = [...state.seen].find((path) => path.endsWith("late.key"))!
      // it was read once more when it came under watch, and its refusal is told once
      expect(lines.map(({ level }) => level)).toEqual(["error"])
      state.yaml = watching.replace("name: Me", "name: I")
      state.prints.set(late, "1")
      await state.look()
      await state.look()
      await settled()
      expect(state.applied.map(({ users }) => users[0]?.name)).toEqual(["I"])
      state.seen.clear()
      await state.look()
      expect(state.seen.has(late)).toBe(false)
      expect(state.seen.size).toBeGreaterThan(0)
    })

    test("where the new configuration needs it to be put into force", async () => {
      const { state, start } = bench(watching)
      let isThere = false
      const reloader = start((config) => {
        if (!isThere) throw new NeedsFile("the script is missing")
        state.applied.push(config)
      })
      await settled()
      state.yaml = watching.replace("name: Me", "name: I")
      expect(await reloader.reload()).toMatchObject({ is: "refused", reasons: ["the script is missing"] })
      // written before the first look at it: no look will ever see it change
      isThere = true
      await state.look()
      await settled()
      expect(state.seen.has("/script.ts")).toBe(true)
      expect(state.applied).toHaveLength(1)
    })
  })

  test("by nothing that is still being read when it is closed", async () => {
    const { state, start } = bench()
    const reloader = start()
    const outcome = reloader.reload()
    reloader.close()
    expect(await outcome).toMatchObject({ is: "refused" })
    expect(state.applied).toEqual([])
  })

  test("by nothing once it is closed", async () => {
    const { state, start } = bench(SMALLEST.replace("  listen:", "  watch_config: true\n  listen:"))
    const reloader = start()
    reloader.close()
    state.request()
    await settled()
    expect(state.watching).toBe(0)
    expect(state.applied).toEqual([])
  })
})
