/** The peer that a user would get from npm: the Portkey gateway, installed beside the product's own packages. */
import { existsSync, mkdirSync } from "node:fs"
import { freePort, startServer } from "./children.ts"
import type { Contender } from "./contender.ts"
import type { Upstreams } from "./upstreams.ts"

const PACKAGE = "@portkey-ai/gateway"
const VERSION = "1.15.2"

/** @throws Error when it cannot be installed or does not start */
export async function startPortkey(upstreams: Upstreams, toolFolder: string, runFolder: string): Promise<Contender> {
  const script = install(`${toolFolder}/portkey-${VERSION}`)
  const port = freePort()
  const logPath = `${runFolder}/portkey.log`
  const child = await startServer("the Portkey gateway", port, {
    command: ["node", script, `--port=${port}`, "--headless"],
    core: 0,
    logPath,
  })
  return {
    name: "portkey",
    version: VERSION,
    pid: child.pid,
    port: () => port,
    headers: (upstream) => ({
      Authorization: "Bearer bench",
      "x-portkey-provider": "openai",
      "x-portkey-custom-host": `http://127.0.0.1:${upstreams.byName[upstream].port}/v1`,
    }),
    stop: () => child.stop(),
  }
}

function install(folder: string): string {
  const script = `${folder}/node_modules/${PACKAGE}/build/start-server.js`
  if (existsSync(script)) return script
  mkdirSync(folder, { recursive: true })
  const flags = ["--prefix", folder, "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-save"]
  const result = Bun.spawnSync(["npm", "install", ...flags, `${PACKAGE}@${VERSION}`])
  if (!existsSync(script)) throw new Error(`npm cannot install ${PACKAGE}@${VERSION}: ${result.stderr.toString()}`)
  return script
}
