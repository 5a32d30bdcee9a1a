/** `server:` — what the process keeps: cache, request log, usage database, shared state. */
import { block, byDefault, choice, duration, flag, integer, optional, text, type Shape } from "./field.ts"
import { file } from "./forms.ts"
import { tlsFiles } from "./tls.ts"

export const storage: Shape = {
  cache: byDefault(
    block(
      {
        enabled: byDefault(flag("Answer repeated calls from memory."), false),
        max_bytes: byDefault(
          integer("Memory for answers, in each process. One answer takes a sixteenth of it at most.", {
            min: 65_536,
            unit: "bytes",
          }),
          134_217_728,
        ),
        default_ttl: byDefault(duration("How long an answer is kept."), "15m"),
        streams: byDefault(
          flag("Answer streamed calls from the cache, too, and keep their answers. Off: they pass it by."),
          false,
        ),
        shared: byDefault(
          flag(
            "Keep answers in the Redis or Valkey of `server.state`, too, for all processes. Each is signed with the secret of the usage database; what bears no such signature is not used.",
          ),
          false,
        ),
      },
      "The response cache.",
      { name: "CacheConfig" },
    ),
    {},
  ),
  logging: byDefault(
    block(
      {
        path: byDefault(file("The request log: one JSON line for each call."), "logs/requests.jsonl"),
        rotate_mb: byDefault(integer("The file is rotated at this size.", { unit: "MB" }), 256),
        keep: byDefault(integer("Rotated files that are kept.", { unit: "files" }), 14),
      },
      "The request log.",
      { name: "LoggingConfig" },
    ),
    {},
  ),
  usage_db: byDefault(
    block(
      {
        driver: byDefault(choice(["sqlite", "postgres"], "The kind of database."), "sqlite"),
        path: byDefault(
          file("The database file of the driver sqlite. The spool stands beside it, with both drivers."),
          "state/usage.sqlite",
        ),
        dsn: optional(
          text(
            "The address of the driver postgres: postgres://user:password@host:5432/database?sslmode=verify-full (disable, require, verify-ca, verify-full; sslrootcert names a CA file).",
            { secret: "value" },
          ),
        ),
        report_dsn: optional(
          text(
            "The address of a copy of the driver postgres' database, which reports are read from. Default: `dsn`. A copy that lags shows calls later.",
            { secret: "value" },
          ),
        ),
        durability: byDefault(
          choice(["commit", "async"], "`commit`: a call's row is committed before its last byte leaves."),
          "commit",
        ),
        on_unavailable: byDefault(
          choice(
            ["spool", "fail_closed"],
            "`spool`: rows go to a synced local file and are replayed. `fail_closed`: calls are refused.",
          ),
          "spool",
        ),
      },
      "The usage database.",
      { name: "UsageDbConfig" },
    ),
    {},
  ),
  state: byDefault(
    block(
      {
        driver: byDefault(
          choice(
            ["memory", "redis"],
            "Where limits are counted: in this process, or in a Redis or Valkey server that all processes share.",
          ),
          "memory",
        ),
        url: optional(
          text("The address of the driver redis: `redis://` or `rediss://`, with user, password and database number.", {
            secret: "value",
          }),
        ),
        tls: optional(tlsFiles("the server's", "StateTls")),
        on_unavailable: byDefault(
          choice(
            ["fail_closed", "local"],
            "While the shared state cannot be reached: `fail_closed` refuses the calls of callers with limits, `local` lets each process count for itself.",
          ),
          "fail_closed",
        ),
      },
      "The state that limits need.",
      { name: "StateConfig" },
    ),
    {},
  ),
}
