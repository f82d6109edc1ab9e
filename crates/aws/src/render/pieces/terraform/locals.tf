# The facts of this site, written by `edgepass aws render`. The rules for paths are in the packages as well, and both must be of one
# mind: change the configuration and render again rather than this file.

locals {
  region = @region@
  apps   = @apps@

  # What of a bucket the routes reach: beginnings of keys.
  buckets = {
    @buckets@
  }

  # In CloudFront's order.
  behaviours = [
    @behaviours@
  ]
  default_behaviour = @default@

  resource_policy = @resource_policy@
  alias           = @alias@
  certificate     = @certificate@
  price_class     = @price_class@
  log_bucket      = @log_bucket@
  own_key         = @own_key@
  given_key       = @given_key@

  edge_package          = @edge_package@
  edge_package_hash     = @edge_package_hash@
  regional_package      = @regional_package@
  regional_package_hash = @regional_package_hash@
}
