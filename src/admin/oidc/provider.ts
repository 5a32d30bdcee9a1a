/**
 * An OpenID provider, asked by openid-client: Authorization Code with PKCE, state and nonce. The library is loaded where
 * somebody signs in so. https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
 */
import type * as OpenIdClient from "openid-client"
import type { ClientAuth, Configuration, ServerMetadata } from "openid-client"
import type { OidcRules } from "../../config/compile/admin-rules.ts"
import { RouterError } from "../../errors.ts"
import type { Clock } from "../../system/clock.ts"
import { type Claims, joinedClaims } from "./identity.ts"

type Library = typeof OpenIdClient

/** What the answer of the provider must fit. Kept on the router's side. */
export interface Flow {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** The provider's answer is not that of a sign-in. The reason is for the log and holds nothing of the answer. */
export class SignInRefused extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, { cause })
    this.name = "SignInRefused"
  }
}

const METADATA_FOR_MS = 3_600_000
const TIMEOUT_S = 10
/** The clocks of provider and router may differ by this. */
const CLOCKS_DIFFER_S = 60

interface Known {
  readonly metadata: ServerMetadata
  readonly until: number
}

export class OidcProvider {
  readonly #clock: Pick<Clock, "monotonicMs">
  readonly #known = new WeakMap<OidcRules, Known>()

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock
  }

  /** Where the browser goes to sign in. @throws RouterError `identity-provider-unavailable` */
  async begin(rules: OidcRules): Promise<{ readonly url: string; readonly flow: Flow }> {
    const library = await import("openid-client")
    const provider = await this.#provider(library, rules)
    const flow = {
      state: library.randomState(),
      nonce: library.randomNonce(),
      verifier: library.randomPKCECodeVerifier(),
    }
    const url = library.buildAuthorizationUrl(provider, {
      redirect_uri: rules.redirectUrl,
      scope: rules.scopes.join(" "),
      state: flow.state,
      nonce: flow.nonce,
      code_challenge: await library.calculatePKCECodeChallenge(flow.verifier),
      code_challenge_method: "S256",
    })
    return { url: url.href, flow }
  }

  /**
   * What the provider says of who signed in.
   * @param query of the callback, as the browser brought it
   * @throws SignInRefused; RouterError `identity-provider-unavailable`
   */
  async end(query: string, flow: Flow, rules: OidcRules): Promise<Claims> {
    const library = await import("openid-client")
    const provider = await this.#provider(library, rules)
    // never the address that the request names: a proxy's or an attacker's word
    const url = new URL(rules.redirectUrl)
    url.search = query
    try {
      const tokens = await library.authorizationCodeGrant(provider, url, {
        expectedState: flow.state,
        expectedNonce: flow.nonce,
        pkceCodeVerifier: flow.verifier,
        idTokenExpected: true,
      })
      const claims = tokens.claims()
      if (claims === undefined) throw new SignInRefused("there is no ID token")
      if (!lacksClaims(claims, rules) || provider.serverMetadata().userinfo_endpoint === undefined) return claims
      return joinedClaims(claims, await library.fetchUserInfo(provider, tokens.access_token, claims.sub), rules)
    } catch (error) {
      if (error instanceof SignInRefused) throw error
      throw refusalOf(error)
    }
  }

  /** Where the browser may end its session at the provider; null: nowhere. */
  async signOutUrl(rules: OidcRules): Promise<string | null> {
    try {
      const library = await import("openid-client")
      const provider = await this.#provider(library, rules)
      const { end_session_endpoint: endpoint } = provider.serverMetadata()
      return endpoint === undefined ? null : library.buildEndSessionUrl(provider, {}).href
    } catch {
      return null
    }
  }

  /** A new one each time: it has no keys yet, so that a sign-in always meets the keys of the moment. */
  async #provider(library: Library, rules: OidcRules): Promise<Configuration> {
    const metadata = await this.#metadata(library, rules)
    const authentication = authenticationOf(library, rules, metadata)
    const client = { [library.clockTolerance]: CLOCKS_DIFFER_S }
    const provider = new library.Configuration(metadata, rules.clientId, client, authentication)
    provider.timeout = TIMEOUT_S
    // the token is checked by the provider's published keys, also where TLS would do
    library.enableNonRepudiationChecks(provider)
    for (const allow of loopbackRules(library, rules)) allow(provider)
    return provider
  }

  async #metadata(library: Library, rules: OidcRules): Promise<ServerMetadata> {
    const known = this.#known.get(rules)
    if (known !== undefined && this.#clock.monotonicMs() < known.until) return known.metadata
    try {
      const options = { timeout: TIMEOUT_S, execute: loopbackRules(library, rules) }
      const found = await library.discovery(new URL(rules.issuer), rules.clientId, undefined, library.None(), options)
      const metadata = found.serverMetadata()
      if (metadata.issuer.replace(/\/$/, "") !== rules.issuer.replace(/\/$/, ""))
        throw new Error("the provider names another issuer")
      this.#known.set(rules, { metadata, until: this.#clock.monotonicMs() + METADATA_FOR_MS })
      return metadata
    } catch (cause) {
      throw new RouterError("identity-provider-unavailable", { cause })
    }
  }
}

/** By the header, which is what providers take where they say nothing, else in the body. */
function authenticationOf(library: Library, { clientSecret }: OidcRules, metadata: ServerMetadata): ClientAuth {
  if (clientSecret === null) return library.None()
  const ways = metadata.token_endpoint_auth_methods_supported ?? ["client_secret_basic"]
  return ways.includes("client_secret_basic")
    ? library.ClientSecretBasic(clientSecret)
    : library.ClientSecretPost(clientSecret)
}

/** The configuration takes an issuer without TLS on this machine alone. */
function loopbackRules(library: Library, { issuer }: OidcRules): ((provider: Configuration) => void)[] {
  // marked as deprecated to make it stand out, as its documentation says
  // oxlint-disable-next-line typescript/no-deprecated
  return issuer.startsWith("http:") ? [library.allowInsecureRequests] : []
}

/** Not all providers put everything into the token. */
function lacksClaims(claims: Claims, { claims: names, allowedDomains }: OidcRules): boolean {
  const hasMail = claims[names.email] !== undefined && claims["email_verified"] !== undefined
  return (!hasMail && allowedDomains.length > 0) || claims[names.groups] === undefined
}

/** Codes of the library and of OAuth are fixed words. */
const CODE = /^[A-Za-z_]{1,64}$/

function refusalOf(error: unknown): SignInRefused {
  const { code, error: told } = error as { readonly code?: unknown; readonly error?: unknown }
  const words = [code, told].filter((word): word is string => typeof word === "string" && CODE.test(word))
  return new SignInRefused(words.length === 0 ? "the answer could not be checked" : words.join(" "), error)
}
