/** The licences of everything in the binaries and images, as one text. */
import type { Base } from "./base.ts"
import { packages, RUNTIME_PARTS } from "./dependencies.ts"
import { RUNTIME_VERSION } from "./runtimes.ts"

const RULE = "=".repeat(100)

/** @param base absent: no image was built */
export function licenceText(base: Base | null): string {
  const width = Math.max(...RUNTIME_PARTS.map(({ name }) => name.length))
  const parts = RUNTIME_PARTS.map(({ name, licence, url }) => `  ${name.padEnd(width)}  ${licence}, ${url}`)
  const runtime = `bun ${RUNTIME_VERSION}: MIT, https://github.com/oven-sh/bun

The runtime is in front of each binary, unchanged, as its packages @oven/bun-linux-* have it. It links these libraries:

${parts.join("\n")}

JavaScriptCore, WebKit and tinycc are libraries under the LGPL. Their sources are at the addresses above. LICENSE.md of
https://github.com/oven-sh/bun says how to build the runtime with a changed library. A binary of smart-router with that
runtime is made from its sources: scripts/build.ts puts the bundle behind the runtime that runs it.`
  const listed = packages().map(({ name, version, licence, texts }) => {
    const text = texts.length === 0 ? "The package holds no text of its licence." : texts.join("\n\n")
    return `${name} ${version}: ${licence}\n\n${text}`
  })
  const library = base === null ? [] : [`libc6 ${base.version} of Debian (in images only)\n\n${base.licence.trim()}`]
  return `smart-router is under the Apache License 2.0, see LICENSE. It holds the following work of others.\n\n${[runtime, ...listed, ...library].map((text) => `${RULE}\n${text}\n`).join("\n")}`
}
