/** Who a refusal or a sign-in is about: names of the configuration, as `security_access_events` has them. */
export interface Party {
  readonly caller_id?: string
  readonly caller_user?: string
  readonly caller_project?: string
  readonly caller_environment?: string
  readonly token_id?: string
  readonly admin_subject?: string
  readonly admin_domain?: string
  /** A group that there is, under its name. */
  readonly requested_model?: string
}
