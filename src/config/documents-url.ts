/** Where the router serves its documents, as its configuration says. */

/** Of a page; null: `server.public_url` is not set. */
export function documentsUrl({ public_url }: { readonly public_url: string | null }, page: string): string | null {
  return public_url === null ? null : `${public_url.replace(/\/+$/, "")}/docs/${page}`
}
