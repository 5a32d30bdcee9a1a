/** The router's log, exported as well as written. */
import type { Log } from "../system/log.ts"
import type { Level } from "./log-fields.ts"
import type { Telemetry } from "./telemetry.ts"

export function exportedLog(log: Log, telemetry: Pick<Telemetry, "logged">): Log {
  const at =
    (level: Level): Log[Level] =>
    (message, fields) => {
      log[level](message, fields)
      telemetry.logged(level, message, fields)
    }
  return { info: at("info"), warn: at("warn"), error: at("error") }
}
