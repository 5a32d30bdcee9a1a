/**
 * A real OpenID provider in a process of its own, on `localhost`: another site than the router's 127.0.0.1. Who signs in is
 * whoever the test says; a form asks twice, for the login and for consent. `POST /test` changes how it behaves.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { generateKeyPairSync } from "node:crypto"
import { Provider } from "oidc-provider"

interface Behaviour {
  /** Claims by account; the account of the next sign-in is `account`. */
  account: string
  claims: Record<string, Record<string, unknown>>
  /** Put into tokens in place of the nonce that was asked for. */
  nonce: string | null
}

const [redirectUrl = "", clientId = "", clientSecret = ""] = process.argv.slice(2)
const behaviour: Behaviour = { account: "ann", claims: {}, nonce: null }

const keys = (kid: string): object => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
  return { keys: [{ ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" }] }
}

function providerAt(issuer: string, kid: string): Provider {
  return new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUrl],
        response_types: ["code"],
        grant_types: ["authorization_code"],
      },
    ],
    jwks: keys(kid),
    cookies: { keys: ["for tests"] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["groups"] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
    interactions: { url: (_: unknown, { uid }: { readonly uid: string }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    findAccount: (_: unknown, accountId: string) => ({
      accountId,
      claims: () => Promise.resolve({ sub: accountId, ...behaviour.claims[accountId] }),
    }),
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
  })
}

const listener = createServer()
listener.listen(0, "localhost", () => {
  const address = listener.address()
  if (address === null || typeof address === "string") throw new Error("the provider has no port")
  const issuer = `http://localhost:${address.port}`
  let provider = providerAt(issuer, "first")
  let answer = provider.callback()
  listener.on("request", (request, response) => {
    const url = new URL(request.url ?? "/", issuer)
    if (request.method === "POST" && url.pathname === "/test") {
      let body = ""
      request.on("data", (part: Buffer) => (body += part.toString()))
      request.on("end", () => {
        const { rotate, ...more } = JSON.parse(body) as Partial<Behaviour> & { rotate?: string }
        Object.assign(behaviour, more)
        if (rotate !== undefined) {
          provider = providerAt(issuer, rotate)
          answer = provider.callback()
        }
        response.end("{}")
      })
      return
    }
    if (url.pathname.startsWith("/interaction/")) {
      void interact(provider, request, response, url)
      return
    }
    // a nonce that is not the router's
    if (behaviour.nonce !== null && url.pathname === "/auth" && url.searchParams.has("nonce")) {
      url.searchParams.set("nonce", behaviour.nonce)
      request.url = url.pathname + url.search
    }
    void answer(request, response)
  })
  console.log(`issuer ${issuer}`)
})

/** A page with one button, as people see it; it names the account. */
async function interact(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  try {
    if (request.method !== "POST") {
      response.setHeader("content-type", "text/html")
      response.end(
        `<!doctype html><title>The provider</title><form method="post" action="${url.pathname}"><button id="go">Go on as ${behaviour.account}</button></form>`,
      )
      return
    }
    const details = await provider.interactionDetails(request, response)
    const accountId = behaviour.account
    if (details.prompt.name === "login") {
      await provider.interactionFinished(
        request,
        response,
        { login: { accountId } },
        { mergeWithLastSubmission: false },
      )
      return
    }
    const grant = new provider.Grant({ accountId: details.session?.accountId, clientId })
    grant.addOIDCScope("openid email profile")
    grant.addOIDCClaims(["email", "email_verified", "groups"])
    const grantId = await grant.save()
    await provider.interactionFinished(request, response, { consent: { grantId } }, { mergeWithLastSubmission: true })
  } catch (error) {
    response.statusCode = 500
    response.end(String(error))
  }
}
