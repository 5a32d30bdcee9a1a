/** Whoever begins however many sign-ins keeps no other address out, and fills no store. */
import { expect, test } from "bun:test"
import { PENDING_MS, PendingLogins, type Place } from "./pending-logins.ts"

const address = (number: number): string => `2001:db8:0:${number.toString(16)}::1`

function begin(logins: PendingLogins, from: string, now = 0): Place | null {
  const taken = logins.add(from, now)
  if (taken !== null) taken.place.secret = `${from} ${now}`
  return taken?.place ?? null
}

test("an address has ten places, and gets them back one by one", () => {
  const logins = new PendingLogins()
  const first = Array.from({ length: 11 }, () => begin(logins, address(1)))
  expect(first.map((place) => place !== null)).toEqual([...Array<boolean>(10).fill(true), false])
  expect(begin(logins, "2001:db8:0:1::ffff")).toBeNull()
  logins.end("nobody's")
  expect(begin(logins, address(1))).toBeNull()
  logins.end(`${address(1)} 0`)
  expect(begin(logins, address(1))).not.toBeNull()
  expect(begin(logins, address(1))).toBeNull()
  expect(begin(logins, address(1), PENDING_MS)).not.toBeNull()
})

test("where all places are taken the oldest goes, and an address that begins one comes in", () => {
  const logins = new PendingLogins()
  for (let number = 0; number < 1000; number++) begin(logins, address(number), number)
  const taken = logins.add("192.0.2.1", 1000)
  expect(taken?.displaced?.secret).toBe(`${address(0)} 0`)
  expect(logins.add("192.0.2.2", 1001)?.displaced?.secret).toBe(`${address(1)} 1`)
})
