import { describe, expect, test } from "bun:test"
import { KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"
import type { Log, LogFields } from "../../system/log.ts"
import type { Config } from "../config.ts"
import { digestOf } from "../load.ts"
import { fileRead, withCallers, type Reading } from "../reading.ts"
import { startReloading, type UsableReading } from "./reload.ts"
import type { WatchTools } from "./watch.ts"

const WATCHING = SMALLEST.replace("  listen:", "  watch_config: true\n  listen:")

const load = (yaml: string): Promise<Reading> =>
  withCallers(fileRead(loadText(yaml, { env: KEYS, files: { "old.key": "sk-old" } })), { path: "", env: {} })

function usable({ config, callers, ...rest }: Reading): UsableReading {
  if (config === null || callers === null) throw new Error("the first configuration must be valid")
  return { ...rest, config, callers }
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
    nowMs: 1000,
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
  const read = async (yaml: string): Promise<Reading> => {
    const result = await load(yaml)
    const prints = new Map(result.files.map((path) => [path, state.prints.get(path) ?? state.print]))
    return { ...result, prints }
  }
  /** The look that may be going on, the one that sees a change, and those after which it counts as whole. */
  const settle = async (): Promise<void> => {
    for (let looks = 0; looks < 4; looks += 1) await state.look()
    await settled()
  }
  const start = async (apply: (config: Config) => void | Promise<void> = (config) => void state.applied.push(config)) =>
    startReloading({
      running: usable(await read(first)),
      load: () => read(state.yaml),
      apply: ({ config }) => apply(config),
      filesBehind: (error) => (error instanceof NeedsFile ? [error.file] : []),
      log,
      now: () => state.nowMs,
      onRequest: (listener) => {
        state.request = listener
        return () => {
          state.request = () => {}
        }
      },
      watchTools,
    })
  return { state, lines, start, settle }
}

describe("a reload", () => {
  test("puts a valid configuration into force and says what changed", async () => {
    const { state, start, lines } = bench()
    const reloader = await start()
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
    const reloader = await start()
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

  test.each([
    ["callers", SMALLEST.slice(0, SMALLEST.indexOf("callers:"))],
    ["models", SMALLEST.replace(/models:\n  default:[^]*(?=users:)/, "").replace("allow: [default]", "allow: []")],
  ])("takes no file that has lost all of its %s, as one that is half written has", async (section, text) => {
    expect((await load(text)).config).not.toBeNull()
    const { state, start, lines } = bench()
    const reloader = await start()
    state.yaml = text
    const refusal = { is: "refused", reasons: [expect.stringContaining(`${section}: there are none any more`)] }
    expect(await reloader.reload()).toMatchObject(refusal)
    expect([state.applied, lines.map(({ level }) => level)]).toEqual([[], ["error"]])
    state.yaml = SMALLEST.replace("name: Me", "name: I")
    expect(await reloader.reload()).toMatchObject({ is: "applied" })
  })

  test("tells when the newest was refused and why, and when the one in force was taken", async () => {
    const { state, start } = bench()
    const reloader = await start()
    expect(reloader.status()).toEqual({ takenMs: 1000, refused: null })
    state.nowMs = 2000
    state.yaml = SMALLEST.replace("allow: [default]", "allow: [defalt]")
    await reloader.reload()
    const reasons = ['19:124 callers[0].allow[0]: There is no model group "defalt". Did you mean "default"?']
    expect(reloader.status()).toEqual({ takenMs: 1000, refused: { atMs: 2000, reasons } })
    state.nowMs = 3000
    state.yaml = SMALLEST
    await reloader.reload()
    expect(reloader.status()).toEqual({ takenMs: 3000, refused: null })
  })

  test("stays with the one before when the new one cannot be put into force", async () => {
    const { state, start } = bench()
    const reloader = await start(() => {
      throw new Error("the certificate does not fit its key")
    })
    state.yaml = SMALLEST.replace("name: Me", "name: I")
    expect(await reloader.reload()).toMatchObject({ is: "refused", reasons: ["the certificate does not fit its key"] })
    state.yaml = SMALLEST
    expect(await reloader.reload()).toMatchObject({ is: "refused" })
  })

  test("says which keys need a restart, for as long as they differ from what runs", async () => {
    const { state, start, lines } = bench()
    const reloader = await start()
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
    const reloader = await start(async (config) => {
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
    const reloader = await start()
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
    await start((config) => applied.resolve(config))
    state.request()
    expect((await applied.promise).users).toHaveLength(1)
  })

  test("by a changed file where watch_config is on, which a reload switches on", async () => {
    const { state, start, settle } = bench()
    const reloader = await start()
    expect(state.watching).toBe(0)
    state.yaml = WATCHING
    await reloader.reload()
    expect(state.watching).toBe(1)
    state.print = "1"
    await settle()
    expect(state.applied).toHaveLength(2)
  })

  test("by a changed file also where a later configuration no longer asks for it: that takes a restart", async () => {
    const { state, start, settle } = bench(WATCHING)
    const reloader = await start()
    state.yaml = SMALLEST
    expect(await reloader.reload()).toMatchObject({ is: "applied", needRestart: ["server.watch_config"] })
    expect(state.watching).toBe(1)
    state.print = "1"
    await settle()
    expect(state.applied).toHaveLength(2)
  })

  test("by a file that changed after it was read and before it was watched", async () => {
    const { state, start, settle } = bench(WATCHING)
    await start()
    state.yaml = state.yaml.replace("name: Me", "name: I")
    state.print = "1"
    await settle()
    expect(state.applied.map(({ users }) => users[0]?.name)).toEqual(["I"])
  })

  test("by a secret that changed so early, of which the text of the configuration knows nothing", async () => {
    const { state, start, settle } = bench(WATCHING)
    await start()
    await settle()
    state.prints.set("/etc/router/env.json", "rotated meanwhile")
    await settle()
    expect(state.applied).toHaveLength(1)
    const early = bench(WATCHING)
    await early.start()
    early.state.prints.set("/etc/router/env.json", "rotated before the first look")
    await early.settle()
    expect(early.state.applied).toHaveLength(1)
  })

  test("and refused once, where another reload read the changed file before the first look at it", async () => {
    const { state, start, lines, settle } = bench(WATCHING)
    const reloader = await start()
    state.yaml = WATCHING.replace("strategy: static", "strategy: none")
    state.print = "1"
    await reloader.reload()
    await settle()
    await settle()
    expect(lines.map(({ level }) => level)).toEqual(["error"])
  })

  test("once by a file that only the configuration in force needs, while a newer one is refused", async () => {
    const { state, start, settle } = bench(WATCHING.replace("${OPENAI_API_KEY}", "${file:old.key}"))
    let attempts = 0
    const reloader = await start(() => {
      attempts += 1
      throw new Error("this cannot be put into force")
    })
    state.yaml = WATCHING
    await reloader.reload()
    state.prints.set("/etc/router/old.key", "1")
    await settle()
    await settle()
    await settle()
    expect(attempts).toBe(2)
  })

  describe("by a file that was missing, and by one that changed before the first look at it,", () => {
    test("where the text needs it", async () => {
      const { state, start, lines, settle } = bench(WATCHING)
      const reloader = await start()
      await settle()
      state.yaml = WATCHING.replace("${OPENAI_API_KEY}", "${file:late.key}")
      expect(await reloader.reload()).toMatchObject({ is: "refused" })
      await settle()
      const late = [...state.seen].find((path) => path.endsWith("late.key"))!
      expect(lines.map(({ level }) => level)).toEqual(["error"])
      state.yaml = WATCHING.replace("name: Me", "name: I")
      state.prints.set(late, "1")
      await settle()
      expect(state.applied.map(({ users }) => users[0]?.name)).toEqual(["I"])
      state.seen.clear()
      await state.look()
      expect(state.seen.has(late)).toBe(false)
      expect(state.seen.size).toBeGreaterThan(0)
    })

    test("where the new configuration needs it to be put into force", async () => {
      const { state, start, settle } = bench(WATCHING)
      let isThere = false
      const reloader = await start((config) => {
        if (!isThere) throw new NeedsFile("the script is missing")
        state.applied.push(config)
      })
      await settle()
      state.yaml = WATCHING.replace("name: Me", "name: I")
      expect(await reloader.reload()).toMatchObject({ is: "refused", reasons: ["the script is missing"] })
      // written before the first look at it: no look will ever see it change
      isThere = true
      await settle()
      expect(state.seen.has("/script.ts")).toBe(true)
      expect(state.applied).toHaveLength(1)
    })
  })

  test("by nothing that is still being read when it is closed", async () => {
    const { state, start } = bench()
    const reloader = await start()
    const outcome = reloader.reload()
    reloader.close()
    expect(await outcome).toMatchObject({ is: "refused" })
    expect(state.applied).toEqual([])
  })

  test("by nothing once it is closed", async () => {
    const { state, start } = bench(WATCHING)
    const reloader = await start()
    reloader.close()
    state.request()
    await settled()
    expect(state.watching).toBe(0)
    expect(state.applied).toEqual([])
  })
})
