/** A refusal as a vendor would word it; each dialect renders it in its own shape. */
export interface VendorErrorDetail {
  readonly status: number
  readonly message: string
  readonly type?: string
  readonly code?: string | null
  readonly param?: string | null
}

export class VendorError extends Error {
  readonly status: number
  readonly type: string
  readonly code: string | null
  readonly param: string | null

  constructor(detail: VendorErrorDetail) {
    super(detail.message)
    this.name = "VendorError"
    this.status = detail.status
    this.type = detail.type ?? "invalid_request_error"
    this.code = detail.code ?? null
    this.param = detail.param ?? null
  }
}
