# The distribution: as whom it reads, what it caches, which headers it answers with.

resource "aws_cloudfront_origin_access_control" "objects" {
  name                              = var.name
  origin_access_control_origin_type = "s3"
  # Every request is signed, and whatever `Authorization` it came with is written over.
  signing_behavior = "always"
  signing_protocol = "sigv4"
}

# One copy of an object for all: the key of the cache is the path that the authorizer wrote, the object's key in its bucket. No
# query, cookie or header is part of it or goes to S3, so that no token ever does.
resource "aws_cloudfront_cache_policy" "objects" {
  name        = "${var.name}-objects"
  min_ttl     = 0
  default_ttl = 300
  max_ttl     = 31536000
  parameters_in_cache_key_and_forwarded_to_origin {
    cookies_config {
      cookie_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "none"
    }
    headers_config {
      header_behavior = "none"
    }
    # Objects are served as they are stored: what CloudFront compresses has a weak ETag and no ranges.
    enable_accept_encoding_gzip   = false
    enable_accept_encoding_brotli = false
  }
}

# Never cached.
resource "aws_cloudfront_cache_policy" "own_endpoints" {
  name        = "${var.name}-own-endpoints"
  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 0
  parameters_in_cache_key_and_forwarded_to_origin {
    cookies_config {
      cookie_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "none"
    }
    headers_config {
      header_behavior = "none"
    }
    enable_accept_encoding_gzip   = false
    enable_accept_encoding_brotli = false
  }
}

# Everything that the viewer sent goes to the regional function, tokens too, but for `Host`: the API is chosen by it.
resource "aws_cloudfront_origin_request_policy" "own_endpoints" {
  name = "${var.name}-own-endpoints"
  cookies_config {
    cookie_behavior = "all"
  }
  query_strings_config {
    query_string_behavior = "all"
  }
  headers_config {
    header_behavior = "allExcept"
    headers {
      items = ["host"]
    }
  }
}

locals {
  audiences = {
    private    = { origins = local.apps, credentials = true, cache = "private, no-cache", keeps_own = false, policy = local.resource_policy }
    public     = { origins = local.apps, credentials = true, cache = "public, no-cache", keeps_own = true, policy = "cross-origin" }
    any_origin = { origins = ["*"], credentials = false, cache = "public, no-cache", keeps_own = true, policy = "cross-origin" }
  }
  served = distinct(concat(local.behaviours[*].audience, [local.default_behaviour.audience]))
}

resource "aws_cloudfront_response_headers_policy" "audience" {
  for_each = { for name, audience in local.audiences : name => audience if contains(local.served, name) }
  name     = "${var.name}-${replace(each.key, "_", "-")}"

  dynamic "cors_config" {
    for_each = length(each.value.origins) == 0 ? [] : [each.value]
    content {
      access_control_allow_credentials = cors_config.value.credentials
      access_control_max_age_sec       = 7200
      # Decided for each answer when it is sent. Without the override one page's answer would be kept for all the others.
      origin_override = true
      access_control_allow_origins {
        items = cors_config.value.origins
      }
      access_control_allow_methods {
        items = ["GET", "HEAD", "OPTIONS"]
      }
      access_control_allow_headers {
        items = ["Authorization", "Range", "If-Range", "Content-Type"]
      }
      access_control_expose_headers {
        items = ["Edgepass-Id", "ETag", "Content-Range", "Accept-Ranges", "Content-Length", "Content-Disposition"]
      }
    }
  }

  security_headers_config {
    content_type_options {
      override = true
    }
    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = false
      override                   = true
    }
    # Uploaded files run no scripts and have no origin to act as.
    content_security_policy {
      content_security_policy = "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'"
      override                = true
    }
  }

  # What S3 says of itself, the account and its keys among it. CloudFront takes names, not patterns: `x-amz-meta-*` stays.
  remove_headers_config {
    dynamic "items" {
      for_each = [
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled",
        "x-amz-version-id",
      ]
      content {
        header = items.value
      }
    }
  }

  custom_headers_config {
    items {
      header = "Cache-Control"
      value  = each.value.cache
      # What anyone may read keeps its own, where it has one.
      override = !each.value.keeps_own
    }
    items {
      header   = "Cross-Origin-Resource-Policy"
      value    = each.value.policy
      override = true
    }
    # Whether or not a request has an Origin: browsers keep one answer for both.
    items {
      header   = "Vary"
      value    = "Origin"
      override = true
    }
  }
}

resource "aws_cloudfront_distribution" "site" {
  comment         = var.name
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = local.price_class
  aliases         = local.alias == null ? [] : [local.alias]

  dynamic "origin" {
    for_each = local.buckets
    content {
      origin_id = origin.key
      # The regional name: the global one redirects to it while a bucket is new, and a website's knows no signatures.
      domain_name              = "${origin.value.bucket}.s3.${local.region}.amazonaws.com"
      origin_access_control_id = aws_cloudfront_origin_access_control.objects.id
    }
  }

  origin {
    origin_id   = "_own-endpoints"
    domain_name = trimprefix(aws_apigatewayv2_api.regional.api_endpoint, "https://")
    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
    custom_header {
      name  = "edgepass-origin-secret"
      value = var.origin_secret
    }
  }

  # Our own endpoints: no authorizer at the edge, since they judge tokens themselves.
  ordered_cache_behavior {
    path_pattern             = "/_edgepass/*"
    target_origin_id         = "_own-endpoints"
    viewer_protocol_policy   = "redirect-to-https"
    allowed_methods          = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
    cached_methods           = ["GET", "HEAD"]
    compress                 = false
    cache_policy_id          = aws_cloudfront_cache_policy.own_endpoints.id
    origin_request_policy_id = aws_cloudfront_origin_request_policy.own_endpoints.id
  }

  # The first pattern that takes a path counts.
  dynamic "ordered_cache_behavior" {
    for_each = local.behaviours
    iterator = behaviour
    content {
      path_pattern           = behaviour.value.pattern
      target_origin_id       = behaviour.value.bucket
      viewer_protocol_policy = "redirect-to-https"
      # OPTIONS is answered by the authorizer, and neither cached nor sent to S3.
      allowed_methods            = ["GET", "HEAD", "OPTIONS"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = false
      cache_policy_id            = aws_cloudfront_cache_policy.objects.id
      response_headers_policy_id = aws_cloudfront_response_headers_policy.audience[behaviour.value.audience].id
      lambda_function_association {
        event_type = "viewer-request"
        lambda_arn = aws_lambda_function.edge.qualified_arn
      }
    }
  }

  default_cache_behavior {
    target_origin_id           = local.default_behaviour.bucket
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
    cache_policy_id            = aws_cloudfront_cache_policy.objects.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.audience[local.default_behaviour.audience].id
    # Before the cache is looked at: what is cached is not served unasked.
    lambda_function_association {
      event_type = "viewer-request"
      lambda_arn = aws_lambda_function.edge.qualified_arn
    }
  }

  # S3's refusals and what is missing are not remembered: a file that has just been uploaded is there.
  dynamic "custom_error_response" {
    for_each = [403, 404, 500, 502, 503, 504]
    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  # Standard logs have whole queries. No token travels there: the site takes none in a query where there are logs.
  dynamic "logging_config" {
    for_each = local.log_bucket[*]
    content {
      bucket          = "${logging_config.value}.s3.amazonaws.com"
      include_cookies = false
      prefix          = "${var.name}/"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = local.certificate == null
    acm_certificate_arn            = local.certificate
    ssl_support_method             = local.certificate == null ? null : "sni-only"
    minimum_protocol_version       = local.certificate == null ? null : "TLSv1.2_2021"
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  lifecycle {
    precondition {
      condition     = data.aws_region.here.name == local.region
      error_message = "The provider aws is to be in ${local.region}, where the buckets are."
    }
    precondition {
      condition     = data.aws_region.edge.name == "us-east-1"
      error_message = "The provider aws.us_east_1 is to be in us-east-1, where Lambda@Edge lives."
    }
  }
}
