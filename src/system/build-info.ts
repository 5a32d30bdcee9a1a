/** What this build is. `npm run build` puts the values in; a checkout has only its version. */
import packageJson from "../../package.json" with { type: "json" }

export interface BuildInfo {
  readonly version: string
  readonly commit: string
  readonly build_time: string
  readonly runtime: string
  readonly os: string
  readonly arch: string
}

/** Each `process.env.…` below is replaced as a whole when the binary is built (`bun build --define`). */
export const buildInfo: BuildInfo = {
  version: process.env.SMART_ROUTER_VERSION ?? packageJson.version,
  commit: process.env.SMART_ROUTER_COMMIT ?? "unknown",
  build_time: process.env.SMART_ROUTER_BUILD_TIME ?? "unknown",
  runtime: `bun ${Bun.version}`,
  os: process.platform,
  arch: process.arch,
}
