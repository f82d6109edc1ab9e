# `terraform test` (1.11), without an account: every resource is a stand-in, and what is looked at is what would be asked of AWS.

variables {
  origin_secret = "0123456789abcdef0123456789abcdef"
}

mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { name = @region@ }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/any" }
  }
  mock_resource "aws_cloudfront_distribution" {
    defaults = { arn = "arn:aws:cloudfront::123456789012:distribution/EXAMPLE" }
  }
  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      api_endpoint  = "https://example.execute-api.@region_name@.amazonaws.com"
      execution_arn = "arn:aws:execute-api:@region_name@:123456789012:example"
    }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:@region_name@:123456789012:log-group:any" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:@region_name@:123456789012:key/any" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { invoke_arn = "arn:aws:apigateway:@region_name@:lambda:path/any" }
  }
}

mock_provider "aws" {
  alias           = "us_east_1"
  override_during = plan

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { qualified_arn = "arn:aws:lambda:us-east-1:123456789012:function:any:7" }
  }
}

run "buckets_are_private" {
  command = plan

  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.objects :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "A bucket could be made public."
  }
  assert {
    condition     = alltrue([for name, bucket in local.made : contains(keys(aws_s3_bucket_public_access_block.objects), name)])
    error_message = "A bucket has no Block Public Access."
  }
  assert {
    condition = alltrue([
      for policy in aws_s3_bucket_policy.objects : alltrue([
        for statement in jsondecode(policy.policy).Statement :
        try(statement.Condition.StringEquals["AWS:SourceArn"], "") == aws_cloudfront_distribution.site.arn
        if statement.Effect == "Allow"
      ])
    ])
    error_message = "A bucket may be read by more than this distribution."
  }
  assert {
    condition = alltrue([
      for policy in aws_s3_bucket_policy.objects : anytrue([
        for statement in jsondecode(policy.policy).Statement :
        statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
      ])
    ])
    error_message = "A bucket may be read without TLS."
  }
}

run "every_object_is_authorised_first" {
  command = plan

  assert {
    condition = alltrue([
      for behaviour in concat(
        aws_cloudfront_distribution.site.default_cache_behavior,
        [for one in aws_cloudfront_distribution.site.ordered_cache_behavior : one if one.path_pattern != "/_edgepass/*"],
      ) :
      length(behaviour.lambda_function_association) == 1 && alltrue([
        for association in behaviour.lambda_function_association :
        association.event_type == "viewer-request" && can(regex(":[0-9]+$", association.lambda_arn))
      ])
    ])
    error_message = "A behaviour has no authorizer, or one that is no version."
  }
  assert {
    condition     = aws_cloudfront_distribution.site.ordered_cache_behavior[0].path_pattern == "/_edgepass/*"
    error_message = "Our own endpoints do not come first."
  }
  assert {
    condition = alltrue([
      for behaviour in concat(
        aws_cloudfront_distribution.site.default_cache_behavior, aws_cloudfront_distribution.site.ordered_cache_behavior,
      ) : behaviour.viewer_protocol_policy == "redirect-to-https" && !contains(behaviour.cached_methods, "OPTIONS")
    ])
    error_message = "A behaviour allows plain http, or caches OPTIONS."
  }
  assert {
    condition     = toset(jsondecode(aws_iam_role.edge.assume_role_policy).Statement[0].Principal.Service) == toset(["lambda.amazonaws.com", "edgelambda.amazonaws.com"])
    error_message = "The edge function's role cannot be used at the edge."
  }
  assert {
    condition     = aws_lambda_function.edge.publish && length(aws_lambda_function.edge.environment) == 0 && aws_lambda_function.edge.timeout <= 5
    error_message = "The edge function is not one that CloudFront takes."
  }
}

run "no_token_is_cached_or_forwarded" {
  command = plan

  assert {
    condition = alltrue([
      for part in aws_cloudfront_cache_policy.objects.parameters_in_cache_key_and_forwarded_to_origin :
      part.cookies_config[0].cookie_behavior == "none" && part.headers_config[0].header_behavior == "none"
      && part.query_strings_config[0].query_string_behavior == "none"
    ])
    error_message = "Something of the request besides its path is part of the cache's key."
  }
  assert {
    condition     = aws_cloudfront_cache_policy.own_endpoints.max_ttl == 0
    error_message = "Our own endpoints could be cached."
  }
  assert {
    condition = alltrue([
      for policy in aws_cloudfront_response_headers_policy.audience : alltrue([
        for cors in policy.cors_config : cors.origin_override && !(cors.access_control_allow_credentials
        && contains(flatten(cors.access_control_allow_origins[*].items[*]), "*"))
      ])
    ])
    error_message = "CORS is left to the origin, or lets every page in with credentials."
  }
}

run "a_short_secret_is_refused" {
  command = plan

  variables {
    origin_secret = "short"
  }

  expect_failures = [var.origin_secret]
}
