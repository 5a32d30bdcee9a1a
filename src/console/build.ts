/** Makes the browser's files from `app/`: script and style, each under a name that changes with its bytes. */
import { join } from "node:path"
import { promisify } from "node:util"
import { brotliCompress, constants, gzip } from "node:zlib"

export interface BuiltFile {
  /** `console-0a1b2c3d.js`. */
  readonly name: string
  readonly contentType: string
  readonly plain: Uint8Array
  readonly gzip: Uint8Array
  readonly brotli: Uint8Array
}

export interface BuiltConsole {
  readonly script: BuiltFile
  readonly style: BuiltFile
}

/** Beside the event loop: the bundler and the compressors have threads of their own. */
export async function buildConsole(): Promise<BuiltConsole> {
  const app = join(import.meta.dir, "app")
  const [script, style] = await Promise.all([bundled(join(app, "main.tsx")), bundled(join(app, "console.css"))])
  return {
    script: await file("js", "text/javascript; charset=utf-8", script),
    style: await file("css", "text/css; charset=utf-8", style),
  }
}

async function bundled(entry: string): Promise<Uint8Array> {
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    format: "esm",
    minify: true,
    jsx: { runtime: "automatic", importSource: "preact", development: false },
    define: { "process.env.NODE_ENV": '"production"' },
  })
  const [output] = outputs
  if (output === undefined) throw new Error(`nothing was built of ${entry}`)
  return new Uint8Array(await output.arrayBuffer())
}

async function file(extension: string, contentType: string, plain: Uint8Array): Promise<BuiltFile> {
  const [small, smallest] = await Promise.all([
    promisify(gzip)(plain, { level: 9 }),
    promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  ])
  const hash = Bun.hash(plain).toString(16).padStart(16, "0")
  return { name: `console-${hash}.${extension}`, contentType, plain, gzip: small, brotli: smallest }
}
