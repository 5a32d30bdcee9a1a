/** The packages for systemd, Kubernetes and Compose say what their readers accept, and are as confined as the pages promise. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as apps from "kubernetes-models/apps/v1"
import * as networking from "kubernetes-models/networking.k8s.io/v1"
import * as policy from "kubernetes-models/policy/v1"
import * as core from "kubernetes-models/v1"
import { parse, parseAllDocuments } from "yaml"
import { smartRouter } from "../helpers/command-line.ts"
import { temporaryFolder } from "../helpers/demo-process.ts"
import { succeed } from "../helpers/release.ts"

const PACKAGES = join(import.meta.dir, "../../release")
const SECRETS = "/run/secrets/"

setDefaultTimeout(300_000)
const place = temporaryFolder()
const compose = join(place.path, "compose")
beforeAll(async () => {
  cpSync(join(PACKAGES, "compose"), compose, { recursive: true })
  await succeed(["./init"], { cwd: compose, env: { PATH: process.env["PATH"] ?? "", OPENAI_API_KEY: "sk-test" } })
})
afterAll(() => place[Symbol.dispose]())

// --- systemd

const UNIT = join(PACKAGES, "systemd/smart-router.service")
const WITHOUT_SYSTEMD = Bun.which("systemd-analyze") === null ? ": no systemd-analyze (Debian: systemd)" : ""

test.skipIf(WITHOUT_SYSTEMD !== "")(
  `the unit is exposed below 3 by systemd's own measure${WITHOUT_SYSTEMD}`,
  async () => {
    const said = await succeed(["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT])
    const level = Number(/exposure level for smart-router\.service: ([\d.]+)/.exec(said)?.[1])
    expect(level).toBeLessThan(3)
    expect(level).toBeGreaterThan(0)
  },
)

test.skipIf(WITHOUT_SYSTEMD !== "")(`systemd knows every line of the unit${WITHOUT_SYSTEMD}`, async () => {
  const unit = join(place.path, "smart-router.service")
  writeFileSync(unit, readFileSync(UNIT, "utf8").replaceAll("/usr/local/bin/smart-router", "/bin/true"))
  const child = Bun.spawn(["systemd-analyze", "verify", unit], { stdout: "pipe", stderr: "pipe" })
  const said = (await child.stdout.text()) + (await child.stderr.text())
  await child.exited
  expect(said.split("\n").filter((line) => line.includes("smart-router.service"))).toEqual([])
})

test("the unit leaves the engine its compiler, and stops later than the router does", () => {
  const text = readFileSync(UNIT, "utf8")
  expect(text).not.toMatch(/^MemoryDenyWriteExecute=/m)
  expect(Number(/^TimeoutStopSec=(\d+)s$/m.exec(text)?.[1])).toBeGreaterThanOrEqual(45)
})

// --- Kubernetes

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
}

const KUBERNETES = join(PACKAGES, "kubernetes")
const MODELS = { "apps/v1": apps, "networking.k8s.io/v1": networking, "policy/v1": policy, v1: core } as const

function manifests(): Manifest[] {
  const { resources } = parse(readFileSync(join(KUBERNETES, "kustomization.yaml"), "utf8")) as {
    readonly resources: readonly string[]
  }
  return resources.flatMap((name) =>
    parseAllDocuments(readFileSync(join(KUBERNETES, name), "utf8")).map((document) => document.toJS() as Manifest),
  )
}

test("every manifest is valid by the schemas that Kubernetes publishes", () => {
  const found = manifests()
  for (const manifest of found) {
    const models = MODELS[manifest.apiVersion as keyof typeof MODELS] as Readonly<Record<string, unknown>>
    const Model = models[manifest.kind] as new (data: Manifest) => { validate(): void }
    expect(() => new Model(manifest).validate()).not.toThrow()
  }
  expect(found.map(({ kind }) => kind).toSorted()).toEqual([
    "ConfigMap",
    "Namespace",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Secret",
    "Service",
    "Service",
    "StatefulSet",
  ])
})

/** The schemas allow keys that they do not have; the types of the same package do not, in a literal. */
test("no manifest has a key that Kubernetes does not know", async () => {
  const lines = manifests().map(({ apiVersion, kind, ...rest }, index) => {
    const literal = JSON.stringify({ apiVersion, kind, ...rest }, null, 1)
    return `import type { I${kind} as T${index} } from "kubernetes-models/${apiVersion}"\nexport const m${index}: T${index} = ${literal}\n`
  })
  const root = join(import.meta.dir, "../..")
  const folder = join(root, "node_modules/.cache/smart-router/manifests")
  mkdirSync(folder, { recursive: true })
  const check = async (text: string): Promise<string> => {
    writeFileSync(join(folder, "manifests.ts"), text)
    const flags = "--noEmit --strict --skipLibCheck --module nodenext --target esnext".split(" ")
    const child = Bun.spawn([
      join(root, "node_modules/.bin/tsc"),
      ...flags,
      "--ignoreConfig",
      join(folder, "manifests.ts"),
    ])
    const said = await child.stdout.text()
    return `${await child.exited} ${said}`
  }
  const text = lines.join("\n")
  expect(await check(text)).toBe("0 ")
  // that it can fail
  expect(await check(text.replace('"readOnlyRootFilesystem"', '"readOnlyRootFilesysten"'))).toContain(
    "readOnlyRootFilesysten",
  )
})

test("the configuration of the manifests is usable, and drains before the pod is killed", async () => {
  const found = manifests()
  const config = found.find(({ kind }) => kind === "ConfigMap") as Manifest & {
    readonly data: Readonly<Record<string, string>>
  }
  const secret = found.find(({ kind }) => kind === "Secret") as Manifest & {
    readonly stringData: Readonly<Record<string, string>>
  }
  const set = found.find(({ kind }) => kind === "StatefulSet") as InstanceType<typeof apps.StatefulSet>
  const folder = join(place.path, "kubernetes")
  mkdirSync(folder)
  for (const [name, value] of Object.entries(secret.stringData)) writeFileSync(join(folder, name), value)
  const text = (config.data["config.yaml"] ?? "").replaceAll("/run/secrets/smart-router/", `${folder}/`)
  await checked(folder, text)
  const { drain_ms: drainMs } = (parse(text) as { readonly server: { readonly drain_ms: number } }).server
  const pod = set.spec?.template.spec
  const pauseS = pod?.containers[0]?.lifecycle?.preStop?.sleep?.seconds ?? Number.NaN
  expect(pod?.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(pauseS + drainMs / 1000 + 15)
})

async function checked(folder: string, text: string): Promise<void> {
  writeFileSync(join(folder, "config.yaml"), text)
  const { code, out, err } = await smartRouter(["check", "--config", join(folder, "config.yaml")])
  expect({ code, errors: `${out}${err}`.split("\n").filter((line) => /\berror\b/.test(line)) }).toEqual({
    code: 0,
    errors: [],
  })
}

// --- Compose

interface Service {
  readonly user?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly cap_add?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly ports?: readonly string[]
  readonly networks?: readonly string[]
  readonly pids_limit?: number
  readonly mem_limit?: string
  readonly healthcheck?: { readonly disable?: boolean }
  readonly volumes?: readonly string[]
  readonly secrets?: readonly string[]
  readonly stop_grace_period?: string
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

function composeFile(name: string): ComposeFile {
  return parse(readFileSync(join(compose, name), "utf8"), { merge: true }) as ComposeFile
}

for (const name of ["compose.yaml", "compose.sqlite.yaml"]) {
  test(`${name}: every service is confined, and only the proxy can be reached from outside`, () => {
    const { services } = composeFile(name)
    for (const [service, facts] of Object.entries(services)) {
      expect({ service, ...facts }).toMatchObject({
        user: "${ROUTER_USER}",
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        pids_limit: expect.any(Number),
        mem_limit: expect.any(String),
      })
      expect([service, facts.ports !== undefined, facts.cap_add ?? []]).toEqual(
        service === "caddy" ? ["caddy", true, ["NET_BIND_SERVICE"]] : [service, false, []],
      )
    }
  })

  test(`${name}: what it names is there after init`, () => {
    const text = readFileSync(join(compose, name), "utf8")
    const set = readFileSync(join(compose, ".env"), "utf8")
      .split("\n")
      .map((line) => line.split("=")[0])
    for (const [, variable] of text.matchAll(/\$\{(\w+)\}/g)) expect(set).toContain(variable)
    const { services, secrets, networks } = composeFile(name)
    for (const { file } of Object.values(secrets)) expect(statSync(join(compose, file)).mode & 0o077).toBe(0)
    const used = Object.values(services)
    for (const source of used.flatMap(({ volumes = [] }) => volumes))
      statSync(join(compose, source.split(":")[0] ?? ""))
    for (const secret of used.flatMap(({ secrets: names = [] }) => names)) expect(secrets).toHaveProperty(secret)
    for (const network of used.flatMap(({ networks: names = [] }) => names)) expect(networks).toHaveProperty(network)
  })
}

test("PostgreSQL and Valkey are in a network without a way out", () => {
  const { services, networks } = composeFile("compose.yaml")
  expect(networks["back"]?.internal).toBe(true)
  for (const name of ["postgres", "valkey", "migrate"]) expect(services[name]?.networks).toEqual(["back"])
})

test("both configurations are usable with the secrets that init writes; init leaves alone what is there", async () => {
  const before = readFileSync(join(compose, "secrets/postgres_password"), "utf8")
  expect(before).toMatch(/^[0-9a-f]{48}$/)
  await succeed(["./init"], { cwd: compose, env: { PATH: process.env["PATH"] ?? "" } })
  expect(readFileSync(join(compose, "secrets/postgres_password"), "utf8")).toBe(before)
  for (const kind of ["postgres", "sqlite"]) {
    const folder = join(place.path, `check-${kind}`)
    mkdirSync(folder)
    await checked(
      folder,
      readFileSync(join(compose, `config.${kind}.yaml`), "utf8").replaceAll(SECRETS, `${compose}/secrets/`),
    )
  }
  expect(readdirSync(join(compose, "config"))).toEqual(["config.yaml"])
})

test("init without a key, and with a wrong word, writes no configuration and says what is missing", async () => {
  const folder = join(place.path, "without-key")
  cpSync(join(PACKAGES, "compose"), folder, { recursive: true })
  const attempt = async (...words: string[]): Promise<{ readonly code: number; readonly err: string }> => {
    const child = Bun.spawn(["./init", ...words], {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "" },
      stdin: "ignore",
      stderr: "pipe",
    })
    const err = await child.stderr.text()
    return { code: await child.exited, err }
  }
  expect(await attempt()).toMatchObject({ code: 1, err: expect.stringContaining("OPENAI_API_KEY") })
  expect(await attempt("--mysql")).toMatchObject({ code: 2, err: expect.stringContaining("Usage") })
  expect(readdirSync(join(folder, "config"))).toEqual([])
})
