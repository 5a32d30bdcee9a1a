/**
 * What the runtime and its libraries read from the environment, which would overrule the configuration unseen: taken out
 * of it before anything is opened, or named. Tried with Bun 1.4: variables of the first kind are read at each connection,
 * those of the second once, before the program runs.
 */
import { OWN_SETTINGS } from "./reexec.ts"

export type Environment = Readonly<Record<string, string | undefined>>

interface Kind {
  readonly names: RegExp
  /** What becomes of it. */
  readonly message: string
}

const CLEARED: readonly Kind[] = [
  {
    names: /^(?:https?|all|no)_proxy$/i,
    message: "is ignored: `proxy` of a provider and of its `engine_metrics` says which way requests go.",
  },
  {
    names: /^NODE_TLS_REJECT_UNAUTHORIZED$/,
    message: "is ignored: certificates are always verified; `tls.ca_file` adds an authority.",
  },
  {
    names: /^PG(?!_)[A-Z_]+$/,
    message: "is ignored: `server.usage_db.dsn` says all about the connection to PostgreSQL.",
  },
]

const NAMED: readonly Kind[] = [
  {
    names: /^(?:NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|NODE_USE_SYSTEM_CA)$/,
    message: "counts beside the configuration: what it names is trusted in every TLS connection.",
  },
  {
    names: /^(?:BUN_(?!INSTALL|TMPDIR|CONFIG_VERBOSE_FETCH)\w+|JSC_\w+|NODE_OPTIONS)$/,
    message: "changes how the runtime works, beside the configuration.",
  },
]

let given: Environment | null = null

/** Takes out of the environment of this process what must not count. Before anything is opened. */
export function takeEnvironment(): void {
  given = { ...process.env }
  for (const name of Object.keys(given))
    if (CLEARED.some(({ names }) => names.test(name))) Reflect.deleteProperty(process.env, name)
}

/** The environment as the process was given it: the configuration may name any variable, and workers get all of it. */
export function givenEnvironment(): Environment {
  return given ?? process.env
}

export interface Notice {
  /** `warning`: the variable would have overruled the configuration, and is ignored. `info`: it counts beside it. */
  readonly severity: "warning" | "info"
  readonly message: string
}

/** A sentence for each variable that is there and would count, or does. Never its value. */
export function environmentNotices(environment: Environment): readonly Notice[] {
  return Object.keys(environment)
    .filter((name) => environment[name] !== "" && !OWN_SETTINGS.includes(name))
    .toSorted()
    .flatMap((name) => {
      const kind = [...CLEARED, ...NAMED].find(({ names }) => names.test(name))
      if (kind === undefined) return []
      const severity = CLEARED.includes(kind) ? "warning" : "info"
      return [{ severity, message: `The environment variable ${name} ${kind.message}` }]
    })
}
