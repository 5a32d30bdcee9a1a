import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { expectProperty } from "../../../test/helpers/property.ts"
import { WHOLE } from "../../../test/helpers/sample.ts"
import { DETECTOR_NAMES, type DetectorName } from "../filter.ts"
import { createMatcher, type Matcher } from "../matcher.ts"
import { Placeholders } from "../placeholders.ts"
import type { Match } from "../span.ts"
import { DETECTORS } from "./detectors.ts"

const matcher = matcherOf(DETECTOR_NAMES)

function matcherOf(names: readonly DetectorName[]): Matcher {
  return createMatcher(names.map((name) => ({ name, expression: null })))
}

function matchesIn(text: string, by: Matcher): readonly Match[] {
  const work = by.matches(text)
  for (let step = work.next(); ; step = work.next()) if (step.done === true) return step.value
}

function found(text: string): readonly string[] {
  return matchesIn(text, matcher).map(({ start, end, rule }) => `${DETECTOR_NAMES[rule]} ${text.slice(start, end)}`)
}

const PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA\n-----END EC PRIVATE KEY-----"
const JWT = `eyJ${"a".repeat(20)}.eyJ${"b".repeat(30)}.${"c".repeat(43)}`

describe.each<[DetectorName, readonly [text: string, personal: readonly string[]][]]>([
  [
    "email",
    [
      ["Write to jane.doe+x@mail.example.co.uk.", ["jane.doe+x@mail.example.co.uk"]],
      ["<bob@example.com>,'eve_1@example.org'", ["bob@example.com", "eve_1@example.org"]],
      ["email=jörg@müller.example&x=1", ["jörg@müller.example"]],
      ["联系jane@example.com请", ["jane@example.com"]],
      [String.raw`"a\njane@example.com\tbob@example.com"`, ["jane@example.com", "bob@example.com"]],
      ["git@github.com:a/b.git, @types/node, lodash@4.17.21, a@b, x @ y.com, .@example.com", []],
      ["jane@-example.com jane@example jane.@example.com", []],
    ],
  ],
  [
    "phone",
    [
      ["+49 170 1234567 or 0049 30 123456", ["+49 170 1234567", "0049 30 123456"]],
      ["(415) 555-0132, 415-555-0132, 1-415.555.0132", ["(415) 555-0132", "415-555-0132", "1-415.555.0132"]],
      ["Tel. 030 1234567; 01 23 45 67 89", ["030 1234567", "01 23 45 67 89"]],
      ["2024-01-02 10:30:00 1700000000 256 512 1024 00 01 02 03 04 05 06 01/02/2024 10", []],
      ["a+12345678 0x00ff v1.2.3 12,345,678", []],
    ],
  ],
  [
    "card",
    [
      ["4111 1111 1111 1111 12/26", ["4111 1111 1111 1111"]],
      [
        "5555-5555-5555-4444, 378282246310005 3782 822463 10005",
        ["5555-5555-5555-4444", "378282246310005", "3782 822463 10005"],
      ],
      ["6011000990139424 30569309025904", ["6011000990139424", "30569309025904"]],
      ["4111 1111 1111 1112, 1234567812345670, 4444444444444444444, a4111111111111111", []],
    ],
  ],
  [
    "iban",
    [
      [
        "DE89 3704 0044 0532 0130 00, gb82west12345698765432",
        ["DE89 3704 0044 0532 0130 00", "gb82west12345698765432"],
      ],
      ["NO93 8601 1117 947", ["NO93 8601 1117 947"]],
      ["DE89 3704 0044 0532 0130 01 XX89370400440532013000 DE893704004405320130001", []],
    ],
  ],
  [
    "us_ssn",
    [
      ["SSN 123-45-6789, 123 45 6789.", ["123-45-6789", "123 45 6789"]],
      ["000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000 123-456-789 1-123-45-6789", []],
    ],
  ],
  [
    "ip",
    [
      ["from 203.0.113.7:443 to 10.1.2.3.", ["203.0.113.7", "10.1.2.3"]],
      [
        "2001:db8::8a2e:370:7334, fe80::1 and ::ffff:203.0.113.9",
        ["2001:db8::8a2e:370:7334", "fe80::1", "::ffff:203.0.113.9"],
      ],
      ["127.0.0.1 0.0.0.0 255.255.255.0 ::1 :: v1.2.3.4 1.2.3.4.5 300.1.1.1 10:30:45 std::byte aa:bb:cc:dd:ee:ff", []],
    ],
  ],
  [
    "secret",
    [
      [`key sk-${"a".repeat(30)}, ghp_${"b".repeat(36)}`, [`sk-${"a".repeat(30)}`, `ghp_${"b".repeat(36)}`]],
      [`AKIA${"Q".repeat(16)} ${JWT}`, [`AKIA${"Q".repeat(16)}`, JWT]],
      ["postgres://app:hunter2@db:5432/x", ["hunter2"]],
      [`x ${PEM} y`, [PEM]],
      [
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE----- http://host:8080/a@b sk-short mask-aaaaaaaaaaaaaaaaaaaaaaaaaa",
        [],
      ],
    ],
  ],
])("%s", (name, cases) => {
  test.each(cases)("%s", (text, personal) => {
    const spans = matchesIn(text, matcherOf([name]))
    expect(spans.map(({ start, end }) => text.slice(start, end))).toEqual([...personal])
  })
})

test("matches that overlap become one, and nothing of either is left", () => {
  expect(found("postgres://u:hunter2@db.example.com/x")).toEqual(["email hunter2@db.example.com"])
  expect(found("call +49 170 1234567, mail a@example.com")).toEqual(["phone +49 170 1234567", "email a@example.com"])
})

test("no detector finds anything in a placeholder, whatever stands around it", () => {
  const placeholders = new Placeholders("key")
  const around = fc.constantFrom("", " ", "a", "1", "@", ".", "-", ":", "://", "@example.com", "\\n", "\n")
  const prefixes = fc.constantFrom(...DETECTOR_NAMES.map((name) => DETECTORS[name].prefix))
  expectProperty(
    fc.property(prefixes, fc.string(), around, around, (prefix, value, before, behind) => {
      expect(found(before + placeholders.of(prefix, value) + behind)).toEqual([])
    }),
    500,
  )
})

/** Texts that are made to be slow: as long, in characters of each kind. */
const HOSTILE = [
  "a",
  "1",
  "4",
  "4 ",
  "@",
  "a@",
  "a.",
  "1:",
  ":",
  "1.1.1.",
  "+1",
  "01 ",
  "DE12 ",
  "(200",
  "\\",
  "123-45-",
  "eyJaaaaaaaaaa.",
  "sk-aaaaaaaaaaaaaaaaaaaaaaaa!",
  "://a:b",
  "-----BEGIN PRIVATE KEY-----",
  "-----BEGIN RSA X-----",
  "ab:",
]

test.each(HOSTILE)("the work on a text of %j grows with its length alone", (unit) => {
  // a search that grows with the square takes hours here, and one that does not a fraction of a second
  const text = unit.repeat(Math.ceil((WHOLE ? 1 << 22 : 1 << 20) / unit.length))
  expect(found(text).length).toBeLessThanOrEqual(text.length)
})
