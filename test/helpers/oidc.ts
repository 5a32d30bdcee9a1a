/** A real OpenID provider for tests, and a browser without a window: it keeps cookies and follows what it is told. */
import path from "node:path"
import { tied } from "./children.ts"
import type { Config } from "./config.ts"

const ROOT = path.resolve(import.meta.dir, "../..")
export const OIDC_ENV = { OIDC_CLIENT: "smart-router", OIDC_SECRET: "a secret of tests, sixteen+" } as const

export interface ProviderWishes {
  readonly account?: string
  readonly claims?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly nonce?: string | null
  /** Puts a key of this name in place of the one before. */
  readonly rotate?: string
}

export interface TestProvider extends AsyncDisposable {
  readonly issuer: string
  change(wishes: ProviderWishes): Promise<void>
}

/** `routerUrl`: where browsers find the router. */
export async function startProvider(routerUrl: string): Promise<TestProvider> {
  const redirectUrl = `${routerUrl}/admin/auth/callback`
  const words = [redirectUrl, OIDC_ENV.OIDC_CLIENT, OIDC_ENV.OIDC_SECRET]
  const child = Bun.spawn(tied([process.execPath, "test/helpers/oidc-provider-process.ts", ...words]), {
    cwd: ROOT,
    stdout: "pipe",
    stderr: "ignore",
  })
  let printed = ""
  const decoder = new TextDecoder()
  for await (const part of child.stdout) {
    printed += decoder.decode(part, { stream: true })
    if (/^issuer \S+$/mu.test(printed)) break
  }
  const issuer = /^issuer (\S+)$/mu.exec(printed)?.[1]
  if (issuer === undefined) throw new Error(`the provider did not start: ${printed}`)
  return {
    issuer,
    async change(wishes) {
      await fetch(`${issuer}/test`, { method: "POST", body: JSON.stringify(wishes) })
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL")
      await child.exited
    },
  }
}

/** Sign-in through the provider, without TLS, by policies. */
export function withOidc(config: Config, issuer: string, routerUrl: string, more: Record<string, unknown> = {}): void {
  config.server["admin_auth"] = {
    basic: { allow_insecure_http: true },
    sessions: { secure_cookies: false },
    oidc: {
      enabled: true,
      issuer_url: issuer,
      client_id_env: "OIDC_CLIENT",
      client_secret_env: "OIDC_SECRET",
      redirect_url: `${routerUrl}/admin/auth/callback`,
      allowed_domains: ["example.com"],
      ...more,
    },
    authorization: {
      enabled: true,
      policy: [
        "p, viewer, *, admin:reports, read|export|drilldown",
        "g, user:ann@example.com, viewer, *",
        "g, group:on%20call, viewer, *",
      ],
    },
  }
  config.server["admin_reports"] = { enabled: true }
}

export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Keeps the cookies of each host and port. Goes on where a redirect, a refresh or a form leads. */
export class WindowlessBrowser {
  readonly #cookies = new Map<string, Map<string, string>>()

  /** Cookies of the router; the tests look at them and change them. */
  cookies(url: string): Map<string, string> {
    const { host } = new URL(url)
    const found = this.#cookies.get(host) ?? new Map<string, string>()
    this.#cookies.set(host, found)
    return found
  }

  /** One request, nothing followed. */
  async ask(url: string, init: RequestInit = {}): Promise<Page> {
    const jar = this.cookies(url)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ")
    const { origin } = new URL(url)
    const headers = {
      ...(cookie === "" ? {} : { cookie }),
      ...(init.method === "POST" ? { origin } : {}),
      ...(init.headers as object),
    }
    const response = await fetch(url, { ...init, headers, redirect: "manual" })
    for (const text of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/u.exec(text) ?? []
      if (/max-age=0\b|expires=thu, 01 jan 1970/iu.test(text) || value === "") jar.delete(name)
      else jar.set(name, value)
    }
    return { url, status: response.status, headers: response.headers, text: await response.text() }
  }

  /** Follows until a page asks for nothing more, or until `stop` says that the next address is not to be asked. */
  async go(url: string, stop: (url: string) => boolean = () => false): Promise<Page> {
    let page = await this.ask(url)
    for (let step = 0; step < 20; step += 1) {
      const next = nextOf(page)
      if (next === null) return page
      if (stop(next.url)) return { ...page, url: next.url }
      page = await this.ask(next.url, { method: next.method })
    }
    throw new Error(`no end is reached: ${page.url}`)
  }
}

function nextOf({ url, headers, text }: Page): { url: string; method: string } | null {
  const location = headers.get("location")
  if (location !== null) return { url: new URL(location, url).href, method: "GET" }
  const refresh = /http-equiv="refresh" content="0;url=([^"]*)"/u.exec(text)?.[1]
  if (refresh !== undefined) return { url: new URL(refresh.replaceAll("&amp;", "&"), url).href, method: "GET" }
  const form = /<form method="post" action="(\/interaction[^"]*)"/u.exec(text)?.[1]
  return form === undefined ? null : { url: new URL(form, url).href, method: "POST" }
}

/** A port for a router whose address must be known before it starts. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}
