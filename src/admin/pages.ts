/** The pages of signing in: plain HTML that works without scripts, and one style sheet. */
import type { Outgoing } from "../pipeline/message.ts"

export const STYLE_PATH = "/admin/auth/style.css"

/** Forms go to this router alone, and nothing but the style sheet is loaded. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}

export interface SignInChoices {
  readonly hasPassword: boolean
  readonly hasProvider: boolean
  readonly returnTo: string
  /** What went wrong before. */
  readonly message?: string
}

export function signInPage({ hasPassword, hasProvider, returnTo, message }: SignInChoices, status = 200): Outgoing {
  const target = escapeHtml(returnTo)
  const fault = message === undefined ? "" : `<p class="fault" role="alert">${escapeHtml(message)}</p>`
  const form = `<form method="post" action="/admin/auth/login">
<input type="hidden" name="return_to" value="${target}">
<label for="username">Name</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>
</form>`
  const link = `<p><a class="button" href="/admin/auth/login?with=oidc&amp;return_to=${encodeURIComponent(returnTo)}">Sign in with the identity provider</a></p>`
  return page("Sign in", fault + (hasPassword ? form : "") + (hasProvider ? link : ""), status)
}

/**
 * The answer to the browser that comes back from a provider: a page that goes on by itself. A redirect would belong to the
 * navigation that began on the provider's site, and a cookie with `SameSite=Strict` would not go with it.
 */
export function enteredPage(returnTo: string): Outgoing {
  const target = escapeHtml(returnTo)
  return page(
    "Signed in",
    `<p><a href="${target}">Go on</a></p>`,
    200,
    `<meta http-equiv="refresh" content="0;url=${target}">`,
  )
}

const SIGN_OUT = `<form method="post" action="/admin/auth/logout"><button>Sign out</button></form>`

export function signOutPage(): Outgoing {
  return page("Sign out", SIGN_OUT)
}

export function signedOutPage(providerUrl: string | null): Outgoing {
  const more =
    providerUrl === null
      ? ""
      : `<p>The identity provider may still know you: <a href="${escapeHtml(providerUrl)}" rel="noreferrer">sign out there too</a>.</p>`
  return page(
    "Signed out",
    `<p>Your session here has ended.</p>${more}<p><a href="/admin/auth/login">Sign in again</a></p>`,
  )
}

export function faultPage(status: number, message: string): Outgoing {
  const text = `<p class="fault" role="alert">${escapeHtml(message)}</p><p><a href="/admin/auth/login">Sign in again</a></p>`
  return page("You are not signed in", text, status)
}

/** Behind the door, where there is nothing else to show. */
export function homePage({ subject, domain }: { readonly subject: string; readonly domain: string }): Outgoing {
  const off = "<p>Reports are switched off: <code>server.admin_reports.enabled</code>.</p>"
  const who = `<p>You are <strong>${escapeHtml(subject)}</strong> and see ${domain === "*" ? "everything" : escapeHtml(domain)}.</p>`
  return page("Signed in", `${who}${off}${SIGN_OUT}`)
}

function page(title: string, content: string, status = 200, head = ""): Outgoing {
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${head}<title>${title} – smart-router</title>
<link rel="stylesheet" href="${STYLE_PATH}">
</head>
<body>
<main>
<p class="product">smart-router</p>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`
  return { status, headers: HEADERS, body }
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")
}

export function styleSheet(): Outgoing {
  return { status: 200, headers: { "content-type": "text/css; charset=utf-8" }, body: STYLE }
}

const STYLE = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f4f5f7, #14161a); color: light-dark(#1b1f24, #e6e8eb); }
main { box-sizing: border-box; width: min(24rem, 100vw - 2rem); margin: 1rem; padding: 2rem; border-radius: 12px; background: light-dark(#fff, #1d2026); box-shadow: 0 1px 3px rgb(0 0 0 / 0.2); }
.product { margin: 0; color: light-dark(#5b6470, #a0a8b3); font-size: 0.875rem; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; }
label { display: block; margin-top: 0.75rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; padding: 0.5rem 0.75rem; border: 1px solid light-dark(#8a929c, #6b737e); border-radius: 6px; background: transparent; color: inherit; font: inherit; }
button, .button { display: block; box-sizing: border-box; width: 100%; margin-top: 1.25rem; padding: 0.6rem; border: 0; border-radius: 6px; background: #1f5fbf; color: #fff; font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer; }
a { color: light-dark(#1f5fbf, #8ab4f8); }
a.button { color: #fff; }
:focus-visible { outline: 3px solid light-dark(#1f5fbf, #8ab4f8); outline-offset: 2px; }
.fault { padding: 0.5rem 0.75rem; border-left: 4px solid #c62828; background: light-dark(#fdecea, #3a1f1f); }
`
