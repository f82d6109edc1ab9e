variable "name" {
  description = "Names of what is made begin with it."
  type        = string
  default     = @stack@
}

variable "origin_secret" {
  description = "Shows the regional function that a request came through the distribution: 32 letters and digits or more, by chance (openssl rand -hex 32). Terraform's state holds it; keep the state where few can read it."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9]{32,}$", var.origin_secret))
    error_message = "The secret is 32 or more letters and digits."
  }
}

variable "edge_package" {
  description = "The edge function's package, where it is not beside this folder."
  type        = string
  default     = null
}

variable "regional_package" {
  description = "The regional function's package, where it is not beside this folder."
  type        = string
  default     = null
}
