/** Each artefact of a release does its work with nothing beside it: binaries, the image with nothing writable, sums and lists. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import packageLock from "../../package-lock.json" with { type: "json" }
import { RUNTIME_VERSION, RUNTIMES } from "../../scripts/release/runtimes.ts"
import { eventually } from "../helpers/client.ts"
import { temporaryFolder } from "../helpers/demo-process.ts"
import { freePort } from "../helpers/proxies.ts"
import { openRelease, type Release, succeed } from "../helpers/release.ts"

setDefaultTimeout(900_000)
let release: Release
const image = temporaryFolder()

interface LoadedImage {
  readonly Config: string
  readonly RepoTags: readonly string[]
  readonly Layers: readonly string[]
}

beforeAll(async () => {
  release = await openRelease()
  const layout = join(image.path, "layout")
  mkdirSync(layout)
  await succeed(["tar", "-xf", release.file("-image.tar"), "-C", layout])
  for (const { Layers, RepoTags } of imagesOf(layout)) {
    const root = join(image.path, RepoTags[0]?.split("-").at(-1) ?? "")
    mkdirSync(root)
    for (const layer of Layers) await succeed(["tar", "-xzf", join(layout, layer), "-C", root])
  }
})
afterAll(() => {
  release[Symbol.dispose]()
  image[Symbol.dispose]()
})

function imagesOf(layout: string): readonly LoadedImage[] {
  return JSON.parse(readFileSync(join(layout, "manifest.json"), "utf8")) as LoadedImage[]
}

test("the sums are those of the files, and every file has one", () => {
  const lines = readFileSync(release.file("SHA256SUMS"), "utf8").trim().split("\n")
  const sums = Object.fromEntries(lines.map((line) => line.split("  ").toReversed()))
  const files = readdirSync(release.folder).filter((name) => name !== "SHA256SUMS")
  const found = files.map((name) => [
    name,
    createHash("sha256")
      .update(readFileSync(join(release.folder, name)))
      .digest("hex"),
  ])
  expect(sums).toEqual(Object.fromEntries(found))
  expect(files.length).toBeGreaterThan(6)
})

test("every blob of the image has the name of its contents, and no entry has rights of another user", async () => {
  const blobs = join(image.path, "layout/blobs/sha256")
  for (const name of readdirSync(blobs))
    expect(
      createHash("sha256")
        .update(readFileSync(join(blobs, name)))
        .digest("hex"),
    ).toBe(name)
  for (const { Layers } of imagesOf(join(image.path, "layout"))) {
    for (const layer of Layers) {
      const listed = await succeed(["tar", "-tvzf", join(image.path, "layout", layer)])
      expect(listed.split("\n").filter((line) => /^.{3}[sS]|^.{6}[sS]|bin\/(?:ba)?sh$/.test(line))).toEqual([])
    }
  }
})

test("the bill of materials and the licences name every package of the lock file that runs in production", () => {
  const { components } = JSON.parse(readFileSync(release.file(".cdx.json"), "utf8")) as {
    readonly components: readonly { readonly purl?: string }[]
  }
  const purls = components.map(({ purl }) => purl)
  const licences = readFileSync(release.file("THIRD-PARTY-LICENCES.txt"), "utf8")
  const locked = packageLock.packages as Readonly<Record<string, { readonly version?: string; readonly dev?: boolean }>>
  const names = Object.entries(locked).filter(([path, { dev }]) => path !== "" && dev !== true && !/\/bun/.test(path))
  expect(names.length).toBeGreaterThan(30)
  for (const [path, { version }] of names) {
    const name = path.slice("node_modules/".length)
    expect(purls).toContain(`pkg:npm/${name.replace("@", "%40")}@${version}`)
    expect(licences).toContain(`${name} ${version}: `)
  }
})

test("runtimes are of the version and the integrity that package-lock.json has", () => {
  const locked = packageLock.packages as Readonly<
    Record<string, { readonly version?: string; readonly integrity?: string }>
  >
  expect(locked["node_modules/bun"]?.version).toBe(RUNTIME_VERSION)
  const known = Object.values(RUNTIMES).filter(({ package: name }) => locked[`node_modules/${name}`] !== undefined)
  expect(known.length).toBeGreaterThan(2)
  for (const { package: name, integrity } of known) expect(locked[`node_modules/${name}`]?.integrity).toBe(integrity)
})

const WITHOUT_BWRAP = Bun.which("bwrap") === null ? ": no bubblewrap (Debian: apt-get install bubblewrap)" : ""
const WITHOUT_QEMU = Bun.which("qemu-aarch64-static") === null ? ": no qemu-user-static" : ""
const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "amd64"

test.skipIf(WITHOUT_BWRAP !== "")(
  `the image serves as user 65532 with nothing writable but /tmp${WITHOUT_BWRAP}`,
  async () => {
    await using demo = startDemo([
      ..."bwrap --unshare-user --uid 65532 --gid 65532 --unshare-pid --unshare-ipc --cap-drop ALL --clearenv".split(
        " ",
      ),
      ..."--setenv HOME /nonexistent --die-with-parent --ro-bind".split(" "),
      join(image.path, ARCHITECTURE),
      ..."/ --proc /proc --dev /dev --tmpfs /tmp".split(" "),
      ..."/usr/local/bin/smart-router demo --dir /tmp/demo --no-sample --port".split(" "),
      String(freePort()),
    ])
    await demo.answers()
  },
)

test.skipIf(WITHOUT_QEMU !== "" || ARCHITECTURE === "arm64")(
  `the binary for arm64 serves under qemu${WITHOUT_QEMU}`,
  async () => {
    const folder = await release.unpack("-linux-arm64.tar.gz")
    using state = temporaryFolder()
    const program = ["qemu-aarch64-static", "-L", join(image.path, "arm64"), join(folder, "smart-router")]
    expect(await succeed([...program, "version"])).toContain("linux arm64")
    await using demo = startDemo([...program, "demo", "--port", String(freePort()), "--dir", state.path, "--no-sample"])
    await demo.answers()
    // qemu does not let a program replace itself by one of its architecture
    expect(demo.output()).toContain("the process cannot replace itself")
  },
)

test("the binary for this machine serves with nothing on the path, and knows its version", async () => {
  const folder = await release.unpack(`-linux-${process.arch}.tar.gz`)
  using state = temporaryFolder()
  const program = join(folder, "smart-router")
  expect(await succeed([program, "version"], { env: {} })).toContain(`smart-router ${release.version}`)
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(["LICENSE", "README.md", "THIRD-PARTY-LICENCES.txt"]))
  await using demo = startDemo([program, "demo", "--port", String(freePort()), "--dir", state.path, "--no-sample"])
  await demo.answers()
  expect(basename(program)).toBe("smart-router")
})

interface Demo extends AsyncDisposable {
  /** Resolves when it has answered a call. */
  answers(): Promise<void>
  output(): string
}

function startDemo(command: readonly string[]): Demo {
  const port = command[command.indexOf("--port") + 1] ?? ""
  const child = Bun.spawn([...command], { env: { PATH: process.env["PATH"] ?? "" }, stdout: "pipe", stderr: "pipe" })
  let printed = ""
  const collect = async (channel: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder()
    for await (const part of channel) printed += decoder.decode(part, { stream: true })
  }
  void collect(child.stdout)
  void collect(child.stderr)
  return {
    output: () => printed,
    async answers() {
      const token = await eventually("the demo's token", () => {
        if (child.exitCode !== null) throw new Error(`the demo ended: ${printed}`)
        return /ROUTER_TOKEN=(rtr_\S+)/.exec(printed)?.[1]
      })
      const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "default", messages: [{ role: "user", content: "Hello" }] }),
      })
      expect({ status: response.status, text: await response.text() }).toMatchObject({ status: 200 })
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM")
      await Promise.race([child.exited, Bun.sleep(30_000)])
      child.kill("SIGKILL")
      await child.exited
    },
  }
}
