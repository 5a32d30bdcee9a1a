/** What a sign-in computes, since nobody may be able to tell by its time; and how much of it at once. */
import { expect, test } from "bun:test"
import { NO_ADMIN, type AdminUser } from "../config/compile/admin-rules.ts"
import { asRouterError } from "../errors.ts"
import type { Incoming } from "../pipeline/message.ts"
import { silentLog } from "../system/log.ts"
import { systemRandom } from "../system/random.ts"
import { type PasswordRules, SignIn } from "./sign-in.ts"

interface Check {
  readonly password: string
  readonly hash: string
}

const hashOf = (cost: number, of: string): string => `$2b$${cost}$${`${of}.`.padEnd(53, ".")}`
const userOf = (subject: string, passwordHash: string): AdminUser => ({ subject, domain: "*", passwordHash })
const ANN = hashOf(10, "ann")
const BOB = hashOf(13, "bob")

function rules(): PasswordRules {
  const users = new Map([
    ["ann", userOf("basic:ann", ANN)],
    ["bob", userOf("basic:bob", BOB)],
  ])
  return { ...NO_ADMIN, basic: { realm: "r", users } }
}

function request(name: string, password: string, address = "192.0.2.1"): Incoming {
  const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`
  const headers = { get: (field: string) => (field === "authorization" ? authorization : null) }
  return {
    method: "GET",
    target: "/",
    path: "/",
    headers,
    address,
    isWhole: true,
    receivedBytes: 0,
    body: () => new Uint8Array(),
    onGone: null,
  }
}

class House {
  readonly checks: Check[] = []
  now = 0
  /** Ends the oldest check. */
  readonly ends: ((isRight: boolean) => void)[] = []
  readonly door: SignIn
  isHeld: boolean

  constructor(isHeld = false) {
    this.isHeld = isHeld
    const verify = (password: string, hash: string): Promise<boolean> => {
      this.checks.push({ password, hash })
      if (!this.isHeld) return Promise.resolve(password === "right")
      return new Promise((resolve) => this.ends.push(resolve))
    }
    this.door = new SignIn({ clock: { monotonicMs: () => this.now }, random: systemRandom(), log: silentLog, verify })
  }

  async code(asked: Incoming, given = rules()): Promise<string> {
    return this.door.user(asked, given, true).then(
      ({ subject }) => subject,
      (error: unknown) => asRouterError(error).code,
    )
  }
}

test("a known name is checked against its hash", async () => {
  const house = new House()
  expect(await house.code(request("ann", "right"))).toBe("basic:ann")
  expect(await house.code(request("bob", "wrong"))).toBe("unauthorized")
  expect(house.checks.map(({ hash }) => hash)).toEqual([ANN, BOB])
})

test("whatever cannot be right is checked all the same, once, at the cost of one of the users, against no user's hash", async () => {
  const house = new House()
  const costs = new Map<string, Set<string>>()
  const names = Array.from({ length: 40 }, (_, index) => `nobody-${index}`)
  for (const name of [...names, ...names]) {
    house.now += 3_600_000
    house.checks.length = 0
    expect(await house.code(request(name, "right"))).toBe("unauthorized")
    expect(house.checks).toHaveLength(1)
    const { hash } = house.checks[0]!
    expect(hash).toHaveLength(60)
    expect([ANN, BOB]).not.toContain(hash)
    costs.set(name, (costs.get(name) ?? new Set()).add(hash.slice(0, 29)))
  }
  // a name costs the same whenever it is tried, and not all cost the same: as if they were users
  expect([...costs.values()].map((seen) => seen.size)).toEqual(names.map(() => 1))
  const all = [...costs.values()].map((seen) => [...seen][0])
  expect(new Set(all)).toEqual(new Set([ANN.slice(0, 29), BOB.slice(0, 29)]))
  for (const password of ["", "right".padEnd(73, "x"), "ü".repeat(37)]) {
    house.checks.length = 0
    expect(await house.code(request("ann", password))).toBe("unauthorized")
    expect(house.checks).toHaveLength(1)
    expect(house.checks[0]?.hash).not.toBe(ANN)
  }
})

test("a decoy is a hash that takes bcrypt its whole time: it is read to its end", async () => {
  const house = new House()
  await house.code(request("nobody", "x"))
  const { hash } = house.checks[0]!
  // what is no hash would be noticed at once, by an exception
  expect(await Bun.password.verify("x", hash.replace(/^\$2b\$\d\d/u, "$2b$04"), "bcrypt")).toBe(false)
})

test("nobody is refused before the check has ended", async () => {
  for (const asked of [request("nobody", "x"), request("ann", "wrong"), request("ann", "")]) {
    const house = new House(true)
    let code: string | null = null
    const answered = house.code(asked).then((known) => (code = known))
    await Bun.sleep(5)
    expect(code).toBeNull()
    house.ends[0]?.(false)
    expect(await answered).toBe("unauthorized")
  }
})

test("one check at a time, sixteen wait, the next is told to come back and has not failed", async () => {
  const house = new House(true)
  const codes: Promise<string>[] = []
  for (let last = 0; last < 17; last += 1) codes.push(house.code(request("ann", "right", `198.51.100.${last}`)))
  await Bun.sleep(1)
  expect(house.checks).toHaveLength(1)
  expect(await codes[16]).toBe("sign-in-limited")
  for (let done = 0; done < 16; done += 1) {
    house.ends[done]?.(true)
    expect(await codes[done]).toBe("basic:ann")
    await Bun.sleep(0)
    expect(house.checks).toHaveLength(Math.min(16, done + 2))
  }
})

test("a check that breaks does not keep the next from its turn", async () => {
  let count = 0
  const verify = async (): Promise<boolean> => {
    count += 1
    if (count === 1) throw new Error("broken")
    return Promise.resolve(true)
  }
  const door = new SignIn({ clock: { monotonicMs: () => 0 }, random: systemRandom(), log: silentLog, verify })
  const [first, second] = await Promise.allSettled([
    door.user(request("ann", "right"), rules(), true),
    door.user(request("ann", "right"), rules(), true),
  ])
  expect([first.status, second.status]).toEqual(["rejected", "fulfilled"])
})

test("failures of an address come back one in six seconds", async () => {
  const house = new House()
  for (let round = 0; round < 10; round += 1) await house.code(request("ann", "wrong"))
  house.checks.length = 0
  expect(await house.code(request("ann", "right"))).toBe("sign-in-limited")
  expect(house.checks).toEqual([])
  house.now += 6000
  expect(await house.code(request("ann", "wrong"))).toBe("unauthorized")
  expect(await house.code(request("ann", "wrong"))).toBe("sign-in-limited")
  house.now += 60_000
  for (let round = 0; round < 10; round += 1) expect(await house.code(request("ann", "wrong"))).toBe("unauthorized")
  expect(await house.code(request("ann", "wrong"))).toBe("sign-in-limited")
})

test("who has failed too often takes nobody's place in the line", async () => {
  const house = new House()
  for (let round = 0; round < 10; round += 1) await house.code(request("ann", "wrong"))
  house.isHeld = true
  const first = house.code(request("ann", "right", "198.51.100.1"))
  expect(await house.code(request("ann", "right"))).toBe("sign-in-limited")
  await Bun.sleep(0)
  house.ends[0]?.(true)
  expect(await first).toBe("basic:ann")
})

test("a right password is computed once for the time of a session, and again when the user's hash is another", async () => {
  const house = new House()
  for (let round = 0; round < 3; round += 1) expect(await house.code(request("ann", "right"))).toBe("basic:ann")
  expect(house.checks).toHaveLength(1)
  expect(await house.code(request("ann", "wrong"))).toBe("unauthorized")
  expect(await house.code(request("bob", "right"))).toBe("basic:bob")
  expect(house.checks).toHaveLength(3)
  const { basic, ...others } = rules()
  const users = new Map([["ann", userOf("basic:ann", hashOf(10, "new"))]])
  expect(await house.code(request("ann", "right"), { ...others, basic: { ...basic, users } })).toBe("basic:ann")
  expect(house.checks).toHaveLength(4)
  house.now += NO_ADMIN.sessions.ttlMs
  expect(await house.code(request("ann", "right"))).toBe("basic:ann")
  expect(house.checks).toHaveLength(5)
})

test("however many addresses guess, one that has not failed finds a place, also minutes later", async () => {
  const house = new House()
  const guessers = Array.from({ length: 40 }, (_, index) => `203.0.113.${index + 1}`)
  for (const address of guessers) expect(await house.code(request("ann", "wrong", address))).toBe("unauthorized")
  house.now += 120_000
  house.isHeld = true
  const guesses = guessers.map((address) => house.code(request("ann", "wrong", address)))
  const clean = house.code(request("ann", "right", "192.0.2.9"))
  const done = Promise.all([clean, ...guesses])
  // eight guesses, and behind them the clean address
  for (let check = 0; check < 9; check++) {
    while (house.ends.length === 0) await Promise.resolve()
    house.ends.shift()?.(house.checks.at(-1)?.password === "right")
  }
  const [outcome, ...others] = await done
  expect(outcome).toBe("basic:ann")
  expect(others.filter((code) => code === "unauthorized")).toHaveLength(8)
  expect(others.filter((code) => code === "sign-in-limited")).toHaveLength(32)
})
