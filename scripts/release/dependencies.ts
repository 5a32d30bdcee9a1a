/** The parts of the binary beside our own sources: packages of package-lock.json, the runtime and what is linked into it. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const ROOT = join(import.meta.dir, "../..")

export interface Package {
  readonly name: string
  readonly version: string
  /** An SPDX expression. */
  readonly licence: string
  /** `sha512-…` of its tarball. */
  readonly integrity: string | null
  /** The texts of its licence files; empty where it has none. */
  readonly texts: readonly string[]
}

interface Locked {
  readonly version: string
  readonly license?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly devOptional?: boolean
}

const FOLDER = "node_modules/"
/** The runtime is listed apart, for each target. */
const RUNTIME = /^(?:bun|@oven\/bun-.*)$/
const LICENCE_FILE = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i

/** Packages that run in production, by name. */
export function packages(): readonly Package[] {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, Locked>>
  }
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path !== "" && dev !== true && devOptional !== true)
    .map(([path, locked]) => packageAt(path, locked))
    .filter(({ name }) => !RUNTIME.test(name))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

function packageAt(path: string, { version, license, integrity }: Locked): Package {
  const folder = join(ROOT, path)
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => LICENCE_FILE.test(file)) : []
  return {
    name: path.slice(path.lastIndexOf(FOLDER) + FOLDER.length),
    version,
    licence: license ?? "NOASSERTION",
    integrity: integrity ?? null,
    texts: files.toSorted().map((file) => readFileSync(join(folder, file), "utf8").trim()),
  }
}

export interface RuntimePart {
  readonly name: string
  /** As the runtime's list of licences says it. */
  readonly licence: string
  readonly url: string
}

/** Libraries that the runtime links statically: LICENSE.md of https://github.com/oven-sh/bun. */
export const RUNTIME_PARTS: readonly RuntimePart[] = [
  { name: "JavaScriptCore and WebKit", licence: "LGPL-2.0-or-later", url: "https://github.com/oven-sh/webkit" },
  { name: "boringssl", licence: "several licences", url: "https://boringssl.googlesource.com/boringssl/" },
  { name: "brotli", licence: "MIT", url: "https://github.com/google/brotli" },
  { name: "libarchive", licence: "several licences", url: "https://github.com/libarchive/libarchive" },
  { name: "lol-html", licence: "BSD-3-Clause", url: "https://github.com/cloudflare/lol-html" },
  { name: "ls-hpack", licence: "MIT", url: "https://github.com/litespeedtech/ls-hpack" },
  { name: "ls-qpack", licence: "MIT", url: "https://github.com/litespeedtech/ls-qpack" },
  { name: "lsquic", licence: "MIT AND BSD-3-Clause", url: "https://github.com/litespeedtech/lsquic" },
  { name: "mimalloc", licence: "MIT", url: "https://github.com/microsoft/mimalloc" },
  { name: "picohttpparser", licence: "MIT", url: "https://github.com/h2o/picohttpparser" },
  { name: "zstd", licence: "BSD-3-Clause", url: "https://github.com/facebook/zstd" },
  { name: "simdutf", licence: "Apache-2.0", url: "https://github.com/simdutf/simdutf" },
  { name: "tinycc", licence: "LGPL-2.1-only", url: "https://github.com/tinycc/tinycc" },
  { name: "uSockets", licence: "Apache-2.0", url: "https://github.com/uNetworking/uSockets" },
  { name: "uWebSockets", licence: "Apache-2.0", url: "https://github.com/jarred-sumner/uwebsockets" },
  { name: "zlib-ng", licence: "Zlib", url: "https://github.com/zlib-ng/zlib-ng" },
  { name: "c-ares", licence: "MIT", url: "https://github.com/c-ares/c-ares" },
  { name: "icu", licence: "Unicode-3.0", url: "https://github.com/unicode-org/icu" },
  { name: "libbase64", licence: "BSD-2-Clause", url: "https://github.com/aklomp/base64" },
  { name: "libdeflate", licence: "MIT", url: "https://github.com/ebiggers/libdeflate" },
  { name: "libjpeg-turbo", licence: "several licences", url: "https://github.com/libjpeg-turbo/libjpeg-turbo" },
  { name: "libspng", licence: "BSD-2-Clause", url: "https://github.com/randy408/libspng" },
  { name: "libwebp", licence: "BSD-3-Clause", url: "https://github.com/webmproject/libwebp" },
  { name: "highway", licence: "Apache-2.0", url: "https://github.com/google/highway" },
  { name: "uucode", licence: "MIT", url: "https://github.com/jacobsandlund/uucode" },
  { name: "libc++abi", licence: "Apache-2.0 WITH LLVM-exception", url: "https://github.com/llvm/llvm-project" },
]
