/** What `check` says of administrators and policies: where, and never a word of a hash. */
import { describe, expect, test } from "bun:test"
import { KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"

const HASH = `$2b$12$${"abcdefghijklmnopqrstu".padEnd(22, ".")}${"v".repeat(30)}.`
const ENV = { ...KEYS, ADMIN: HASH }

interface Found {
  readonly line: number
  readonly column: number
  readonly text: string
}

/** `auth`: the lines of `server.admin_auth`, the first of which is line 4 of the file. */
function found(auth: string, { env = ENV, files = {} } = {}): Found[] {
  const block = auth.split("\n").map((line) => `    ${line}\n`)
  const yaml = SMALLEST.replace("  listen: 127.0.0.1:8080\n", (listen) => `${listen}  admin_auth:\n${block.join("")}`)
  const { findings } = loadText(yaml, { env, files })
  return findings
    .filter(({ path }) => path.startsWith("server.admin_auth"))
    .map(({ severity, code, path, message, line, column, nearest }) => {
      const meant = nearest === undefined ? "" : ` [${nearest}]`
      return { line, column, text: `${severity} ${code} ${path.replace("server.admin_auth.", "")}: ${message}${meant}` }
    })
}

const texts = (auth: string, surroundings = {}): string[] => found(auth, surroundings).map(({ text }) => text)

const usersOf = (...users: readonly string[]): string =>
  [
    "basic:",
    "  enabled: true",
    "  allow_insecure_http: true",
    "  users:",
    ...users.map((user) => `    - { ${user} }`),
  ].join("\n")
const ANN = "username: ann, password_hash_env: ADMIN, permissions: [admin:explain:read]"

test("a correct block gives no finding, and a block that is off is not looked at", () => {
  expect(found(usersOf(ANN))).toEqual([])
  expect(found("basic: { enabled: false, users: [{ username: ann, password_hash_env: NOWHERE }] }")).toEqual([])
  expect(found("authorization: { enabled: false, policy: [nonsense] }")).toEqual([])
})

test("keys that are not built are named", () => {
  expect(texts("authorization: { enabled: true, source: db, policy: [nonsense] }")).toEqual([
    "warning not-active authorization.source: source: db is accepted, not active yet.",
  ])
})

describe("OpenID Connect", () => {
  const WHOLE = {
    issuer_url: "https://id.example",
    client_id_env: "CLIENT",
    redirect_url: "https://router.example/admin/auth/callback",
    allowed_domains: ["example.com"],
  }
  const oidc = (more: Record<string, unknown> = {}): string =>
    `oidc: ${JSON.stringify({ enabled: true, ...WHOLE, ...more })}`
  const around = (door = "basic: { trusted_proxy_cidrs: [127.0.0.1] }"): string =>
    `${door}\nauthorization: { enabled: true, policy: ["p, viewer, *, admin:reports, read", "g, group:ops, viewer, *"] }`
  const env = { ...ENV, CLIENT: "router" }

  test("gives no finding where it is whole", () => {
    expect(texts(`${oidc()}\n${around()}`, { env })).toEqual([])
    expect(texts(`${oidc({ allowed_domains: [], allowed_groups: ["ops"] })}\n${around()}`, { env })).toEqual([])
  })

  test.each([
    [
      { allowed_domains: [] },
      "error invalid-value oidc.allowed_domains: OpenID Connect needs allowed_domains or allowed_groups",
    ],
    [{ allowed_domains: ["*"] }, "error invalid-value oidc.allowed_domains[0]"],
    [{ issuer_url: undefined }, "error invalid-value oidc.issuer_url: OpenID Connect needs issuer_url."],
    [{ issuer_url: "http://id.example" }, "error invalid-value oidc.issuer_url: This must be an https:// URL"],
    [
      { redirect_url: "http://router.example/admin/auth/callback" },
      "error invalid-value oidc.redirect_url: This must be an https:",
    ],
    [
      { redirect_url: "https://router.example/callback" },
      "error invalid-value oidc.redirect_url: The address must end with",
    ],
    [{ client_id_env: "NOWHERE" }, "error missing-variable oidc.client_id_env: NOWHERE has no value."],
    [{ client_secret_env: "NOWHERE" }, "error missing-variable oidc.client_secret_env: NOWHERE has no value."],
    [{ domain: "lab" }, "error invalid-value oidc.domain"],
  ])("is refused with %j", (more, told) => {
    expect(texts(`${oidc(more)}\n${around()}`, { env })).toEqual([expect.stringContaining(told)])
  })

  test("warns where nobody can get in, or may do anything", () => {
    expect(texts(`${oidc()}\n${around("basic: {}")}`, { env })).toEqual([
      expect.stringContaining("warning no-effect oidc.enabled: The listener speaks plain HTTP"),
    ])
    expect(texts(`${oidc()}\nbasic: { trusted_proxy_cidrs: [127.0.0.1] }`, { env })).toEqual([
      expect.stringContaining("warning nothing-allowed oidc.enabled: Policies are off"),
    ])
    expect(texts(`${oidc()}\n${around("basic: { allow_insecure_http: true }")}`, { env })).toEqual([
      expect.stringContaining("warning no-effect sessions.secure_cookies: Without TLS no browser gets a session"),
    ])
    expect(
      texts(`${oidc()}\n${around("basic: { allow_insecure_http: true }\nsessions: { secure_cookies: false }")}`, {
        env,
      }),
    ).toEqual([])
  })
})

describe("the list of users", () => {
  test.each([
    [ANN.replace("ADMIN", "NOWHERE"), "error missing-variable basic.users[0].password_hash_env: NOWHERE has no value."],
    [`${ANN}, domain: lab`, "error invalid-value basic.users[0].domain"],
    [`${ANN}, domain: lab/dev/x`, "error invalid-value basic.users[0].domain"],
    [`${ANN}, domain: lab/*`, "error invalid-value basic.users[0].domain"],
    [`${ANN}, domain: lab/prd`, 'warning unknown-reference basic.users[0].domain: No caller is in "lab/prd"'],
    [
      `${ANN}, subject: "caller:me-lab"`,
      "error invalid-value basic.users[0].subject: The subject of an administrator must not",
    ],
    [ANN.replace("username: ann", "username: 'a:b'"), "error invalid-value basic.users[0].username"],
    [
      ANN.replace("admin:explain:read", "admin:explian:read"),
      'error invalid-value basic.users[0].permissions[0]: There is no object "admin:explian"',
    ],
    [
      ANN.replace("admin:explain:read", "admin:explain:export"),
      'error invalid-value basic.users[0].permissions[0]: There is no action "export" on admin:explain',
    ],
    [
      ANN.replace("admin:explain:read", "everything"),
      "error invalid-value basic.users[0].permissions[0]: A permission is written",
    ],
    [
      "username: ann, password_hash_env: ADMIN",
      "warning nothing-allowed basic.users[0]: This administrator has no permissions",
    ],
  ])("gets its findings: %s", (user, expected) => {
    const [first, ...more] = texts(usersOf(user))
    expect(first).toStartWith(expected)
    expect(more).toEqual([])
  })

  test("may not hold the same name twice", () => {
    expect(texts(usersOf(ANN, ANN))).toEqual([
      'error duplicate-id basic.users[1].username: There is already an administrator "ann".',
    ])
  })

  test.each([
    ["my password itself", "does not hold a bcrypt hash"],
    [`ann:${HASH}`, "does not hold a bcrypt hash"],
    [`${HASH}x`, "does not hold a bcrypt hash"],
    [`${HASH.slice(0, -1)}f`, "does not hold a bcrypt hash"],
    [HASH.replace("$12$", "$31$"), "cost in ADMIN is 31"],
    [HASH.replace("$12$", "$04$"), "cost in ADMIN is 4"],
  ])("refuses a hash such as %s, and does not repeat it", (hash, expected) => {
    const [first, ...more] = found(usersOf(ANN), { env: { ...KEYS, ADMIN: hash } })
    expect(first?.text).toContain(expected)
    expect(first?.text).not.toContain(hash.slice(0, 8))
    expect(more).toEqual([])
  })

  test("masks hashes as secrets, and takes them from env.json as well", () => {
    const yaml = SMALLEST.replace(
      "  listen",
      `  admin_auth: { basic: { enabled: true, users: [{ ${ANN} }] } }\n  listen`,
    )
    const { config, secrets, admin } = loadText(yaml, {
      env: KEYS,
      files: { "env.json": JSON.stringify({ ADMIN: HASH }) },
    })
    expect(config).not.toBeNull()
    expect(secrets).toContain(HASH)
    expect(admin.basic?.users.get("ann")?.passwordHash).toBe(HASH)
  })
})

describe("the sign-in", () => {
  const basic = (more: string): string => `basic: { enabled: true, users: [{ ${ANN} }]${more} }`

  test("is closed without TLS and without a proxy that ends it", () => {
    expect(texts(basic(""))).toEqual([
      expect.stringContaining("warning no-effect basic.enabled: The listener speaks plain HTTP"),
    ])
    expect(texts(basic(", trusted_proxy_cidrs: [127.0.0.1]"))).toEqual([])
    expect(texts("basic: { enabled: true, trusted_proxy_cidrs: [127.0.0.1] }")).toEqual([
      "warning no-effect basic.enabled: There are no users, so nobody can sign in by password.",
    ])
  })

  test("warns of passwords in the open where others reach the listener", () => {
    const open = (listen: string): readonly string[] => {
      const yaml = SMALLEST.replace(
        "127.0.0.1:8080",
        `${listen}\n  admin_auth: { ${basic(", allow_insecure_http: true")} }`,
      )
      return loadText(yaml, { env: ENV })
        .findings.map(({ code }) => code)
        .filter((code) => code === "cleartext-password")
    }
    expect(open('":8080"')).toEqual(["cleartext-password"])
    expect(open("10.0.0.1:8080")).toEqual(["cleartext-password"])
    expect(open("127.0.0.1:8080")).toEqual([])
    expect(open("'[::1]:8080'")).toEqual([])
  })
})

describe("the list of policies", () => {
  const policy = (...lines: readonly string[]): string =>
    ["authorization:", "  enabled: true", "  policy:", ...lines.map((line) => `    - ${JSON.stringify(line)}`)].join(
      "\n",
    )

  test.each([
    ["p, viewer, lab/dev, admin:explain", "Column 21 of this line: This line has 4 fields"],
    ["p, viewer, lab/dev, admin:explain, read, allow", "Column 42 of this line: This line has 6 fields"],
    ["g, basic:ann, viewer", "Column 15 of this line: This line has 3 fields"],
    ["q, a, b", "Column 1 of this line: A policy line begins with p"],
    ["", "This is not a text that is not empty"],
    ["p, viewer, lab, admin:explain, read", "Column 12 of this line: The domain must be"],
    ["p, viewer, lab/*, admin:explain, read", "Column 12 of this line: The domain must be"],
    ["p, , lab/dev, admin:explain, read", "The role must be"],
    ['p, "viewer", lab/dev, admin:explain, read', "Column 4 of this line: The role must be"],
    ["p, viewer, *, admin:report, read", 'Column 15 of this line: There is no object "admin:report"'],
    ["p, viewer, *, constructor, read", 'Column 15 of this line: There is no object "constructor"'],
    [
      "p, viewer, *, admin:reports, read|exprot",
      'Column 35 of this line: There is no action "exprot" on admin:reports',
    ],
    ["p, viewer, *, admin:reports, *", 'Column 30 of this line: There is no action "*"'],
    ["p, viewer, *, admin:reports, ", "There is no action"],
    ["g, basic:ann, viewer, nowhere", "Column 23 of this line: The domain must be"],
  ])("gets its findings: %s", (line, expected) => {
    const [first, ...more] = found(policy("p, viewer, lab/dev, admin:explain, read", line))
    expect(first?.text).toContain(expected)
    expect(more).toEqual([])
    if (line === "") return
    expect([first?.line, first?.column]).toEqual([8, 11])
    expect(first?.text).toStartWith("error invalid-policy authorization.policy[1]: ")
  })

  test("names the word that was meant", () => {
    expect(texts(policy("p, viewer, *, admin:report, read"))[0]).toEndWith("[admin:reports]")
    expect(texts(policy("p, viewer, *, admin:reports, read|exprot"))[0]).toEndWith("[export]")
  })

  test("is read from a file with comments, and findings have its line and column", () => {
    const auth = "authorization: { enabled: true, policy_file: policies.csv }"
    const good = "# who\n\np, viewer, *, admin:explain, read\r\n  # more\ng, basic:ann, viewer, *\n"
    const admins = `${usersOf(ANN)}\n${auth}`
    expect(texts(admins, { files: { "policies.csv": good } })).toEqual([])
    expect(texts(admins, { files: { "policies.csv": `${good}p, x, *, nothing, read` } })).toEqual([
      expect.stringContaining(
        'authorization.policy_file: Line 6, column 10 of the policy file: There is no object "nothing"',
      ),
    ])
    expect(texts(admins)).toEqual([expect.stringContaining("The policy file cannot be read: it does not exist.")])
  })

  test("has its file watched, and the file's grants count", () => {
    const yaml = SMALLEST.replace(
      "  listen",
      "  admin_auth: { authorization: { enabled: true, policy_file: p.csv } }\n  listen",
    )
    const { admin, files } = loadText(yaml, {
      env: KEYS,
      files: { "p.csv": "p, a, *, admin:reports, read|export|read" },
    })
    expect(files).toContain("/etc/router/p.csv")
    const grant = { subject: "a", domain: "*", object: "admin:reports" }
    expect(admin).toMatchObject({
      basic: null,
      grants: [
        { ...grant, action: "read" },
        { ...grant, action: "export" },
      ],
      roles: [],
    })
  })

  test("warns of roles of strangers, and of policies that say nothing", () => {
    const strangers = policy(
      "p, viewer, *, admin:explain, read",
      "g, basic:anm, viewer, *",
      "g, user:x@example.com, viewer, *",
    )
    expect(texts(`${usersOf(ANN)}\n${strangers}`)).toEqual([
      'warning unknown-reference authorization.enabled: A policy gives a role to "basic:anm", who is neither an administrator nor a caller here. [basic:ann]',
    ])
    expect(texts("authorization: { enabled: true }")).toEqual([
      "warning no-effect authorization.enabled: There are neither policy lines nor a policy file, so only permissions of users count.",
    ])
  })

  test("holds the flag metrics_admin as a grant", () => {
    const yaml = SMALLEST.replace("allow: [default]", "allow: [default], metrics_admin: true")
    expect(loadText(yaml, { env: KEYS }).admin.grants).toEqual([
      { subject: "caller:me-lab", domain: "*", object: "metrics", action: "read" },
    ])
  })
})

test("a price of a baseline with more digits than money has is refused where it stands", () => {
  const baseline = (price: string): string =>
    `  admin_reports: { baselines: [{ id: big, input_price_per_million_usd: ${price}, output_price_per_million_usd: 1 }] }\n`
  const errors = (price: string): string[] => {
    const yaml = SMALLEST.replace("  listen: 127.0.0.1:8080\n", (listen) => listen + baseline(price))
    const wrong = loadText(yaml, { env: KEYS }).findings.filter(({ severity }) => severity === "error")
    return wrong.map(({ path, message }) => `${path}: ${message}`)
  }
  expect(errors("0.123456789")).toEqual([])
  expect(errors("0.1234567891")).toEqual([
    "server.admin_reports.baselines[0].input_price_per_million_usd: Prices and factors have at most nine digits behind the point.",
  ])
})
