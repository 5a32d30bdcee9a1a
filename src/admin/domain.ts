/** The domain of what callers do. */
export function domainOf(project: string, environment: string): string {
  return `${project}/${environment}`
}

/**
 * Does an administrator of `domain` see it? The configuration takes only domains with one slash, so that a name with a
 * slash of its own is seen by administrators of `*` alone.
 */
export function sees(domain: string, project: string, environment: string): boolean {
  return domain === "*" || domain === domainOf(project, environment)
}
