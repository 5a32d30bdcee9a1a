/** The bill of materials, in CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/ */
import type { Architecture, Base } from "./base.ts"
import { packages, RUNTIME_PARTS } from "./dependencies.ts"
import type { BuildFacts } from "./facts.ts"
import { RUNTIME_VERSION, RUNTIMES, TARGETS, type Target } from "./runtimes.ts"
import { sha256 } from "./tar.ts"

interface Contents {
  readonly facts: BuildFacts
  /** sha256 of the binary of each target. */
  readonly binaries: ReadonlyMap<Target, string>
  /** Empty: no image was built. */
  readonly bases: ReadonlyMap<Architecture, Base>
}

export function billOfMaterials({ facts, binaries, bases }: Contents): string {
  const product = `pkg:generic/smart-router@${facts.version}`
  const used = packages()
  const libraries = used.map(({ name, version, licence, integrity }) => ({
    type: "library",
    ...npm(name, version, integrity),
    ...licensed(licence),
  }))
  const runtimes = TARGETS.filter((target) => binaries.has(target)).map((target) => ({
    type: "platform",
    ...npm(RUNTIMES[target].package, RUNTIME_VERSION, RUNTIMES[target].integrity),
    ...licensed("MIT"),
  }))
  const linked = RUNTIME_PARTS.map(({ name, licence, url }) => ({
    type: "library",
    "bom-ref": url,
    name,
    description: `linked into bun ${RUNTIME_VERSION}`,
    ...licensed(licence),
    externalReferences: [{ type: "vcs", url }],
  }))
  const debian = [...bases].map(([architecture, { version }]) => {
    const purl = `pkg:deb/debian/libc6@${encodeURIComponent(version)}?arch=${architecture}`
    return { type: "library", "bom-ref": purl, name: "libc6", version, purl, ...licensed("LGPL-2.1-or-later") }
  })
  const files = [...binaries].map(([target, sum]) => ({
    type: "file",
    "bom-ref": `file:${target}`,
    name: `smart-router (linux-${target})`,
    hashes: [{ alg: "SHA-256", content: sum }],
  }))
  const components = [...files, ...runtimes, ...linked, ...libraries, ...debian]
  const runtimeRefs = runtimes.map((runtime) => runtime["bom-ref"])
  const body = {
    metadata: {
      timestamp: facts.time,
      component: {
        type: "application",
        "bom-ref": product,
        name: "smart-router",
        version: facts.version,
        purl: product,
        ...licensed("Apache-2.0"),
        properties: [{ name: "commit", value: facts.commit }],
      },
    },
    components,
    dependencies: [
      { ref: product, dependsOn: components.map((component) => component["bom-ref"]).filter((ref) => !isLinked(ref)) },
      ...runtimeRefs.map((ref) => ({ ref, dependsOn: linked.map((part) => part["bom-ref"]) })),
    ],
  }
  const head = { bomFormat: "CycloneDX", specVersion: "1.6", serialNumber: serial(JSON.stringify(body)), version: 1 }
  return `${JSON.stringify({ ...head, ...body }, null, 2)}\n`
}

function isLinked(ref: string): boolean {
  return RUNTIME_PARTS.some(({ url }) => url === ref)
}

function npm(name: string, version: string, integrity: string | null) {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`
  const content = integrity === null ? null : Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex")
  return {
    "bom-ref": purl,
    name,
    version,
    purl,
    ...(content === null ? {} : { hashes: [{ alg: "SHA-512", content }] }),
  }
}

const SPDX_ID = /^[\w.+-]+$/
const SPDX_EXPRESSION = /^[\w.+-]+(?: (?:AND|OR|WITH) [\w.+-]+)+$/

function licensed(licence: string) {
  if (SPDX_ID.test(licence)) return { licenses: [{ license: { id: licence } }] }
  if (SPDX_EXPRESSION.test(licence)) return { licenses: [{ expression: licence }] }
  return { licenses: [{ license: { name: licence } }] }
}

/** A UUID (version 8) that is the same for the same contents. */
function serial(text: string): string {
  const digits = sha256(text)
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `8${digits.slice(13, 16)}`, `8${digits.slice(17, 20)}`]
  return `urn:uuid:${[...parts, digits.slice(20, 32)].join("-")}`
}
