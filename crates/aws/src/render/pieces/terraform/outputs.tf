output "distribution_id" {
  value = aws_cloudfront_distribution.site.id
}

output "distribution_domain_name" {
  description = "What the site's name points to, or the site's name itself where it has no certificate."
  value       = aws_cloudfront_distribution.site.domain_name
}

output "bucket_name" {
  value = local.buckets[local.default_behaviour.bucket].bucket
}

output "edge_function_version_arn" {
  value = aws_lambda_function.edge.qualified_arn
}
