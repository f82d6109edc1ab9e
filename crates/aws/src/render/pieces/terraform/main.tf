# Edgepass: private files straight from the bucket, checked at the edge. The facts of this site are in locals.tf.
#
#   module "edgepass" {
#     source        = "./terraform"
#     providers     = { aws = aws, aws.us_east_1 = aws.us_east_1 }
#     origin_secret = var.origin_secret
#   }
#
# The packages hold the site's rules and keys, with HS256 the secrets themselves.

terraform {
  required_version = ">= 1.7"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80, < 7.0"
      # The first in the buckets' region, the second in us-east-1, where Lambda@Edge lives. They may be the same.
      configuration_aliases = [aws.us_east_1]
    }
  }
}

data "aws_caller_identity" "here" {}

data "aws_region" "here" {}

data "aws_region" "edge" {
  provider = aws.us_east_1
}

locals {
  account = data.aws_caller_identity.here.account_id
  made    = { for name, bucket in local.buckets : name => bucket if !bucket.adopted }
  key_arn = one(concat(aws_kms_key.objects[*].arn, local.given_key[*]))
}

# Nobody reads a bucket but this distribution; nobody writes to it but by what the regional function signs.
resource "aws_s3_bucket" "objects" {
  for_each = local.made
  bucket   = each.value.bucket

  lifecycle {
    # Files outlive whatever made their bucket.
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "objects" {
  for_each                = aws_s3_bucket.objects
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# There are no ACLs: the policy alone decides.
resource "aws_s3_bucket_ownership_controls" "objects" {
  for_each = aws_s3_bucket.objects
  bucket   = each.value.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "objects" {
  for_each = aws_s3_bucket.objects
  bucket   = each.value.id
  rule {
    # One data key for many objects: fewer, and less costly, requests to KMS.
    bucket_key_enabled = local.key_arn != null
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = local.key_arn
    }
  }
}

# Browsers send uploads straight to the bucket, from the apps' pages. Downloads come from CloudFront, which has its own CORS.
resource "aws_s3_bucket_cors_configuration" "objects" {
  for_each = { for name, bucket in local.made : name => bucket if length(bucket.uploads) > 0 && length(local.apps) > 0 }
  bucket   = aws_s3_bucket.objects[each.key].id
  cors_rule {
    allowed_origins = local.apps
    allowed_methods = ["POST", "PUT"]
    # Those that a signed upload has.
    allowed_headers = ["content-type", "x-amz-checksum-*"]
    expose_headers  = ["ETag"]
    max_age_seconds = 7200
  }
}

# Parts of uploads that were never finished are paid for and seen by nobody.
resource "aws_s3_bucket_lifecycle_configuration" "objects" {
  for_each = aws_s3_bucket.objects
  bucket   = each.value.id
  rule {
    id     = "abort-unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

# A bucket has one policy. Where one was there before (`adopted`), this takes its place: add what is still wanted of it.
resource "aws_s3_bucket_policy" "objects" {
  for_each = local.buckets
  bucket   = each.value.adopted ? each.value.bucket : aws_s3_bucket.objects[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      length(each.value.reads) == 0 ? [] : [
        {
          Sid       = "DistributionReads"
          Effect    = "Allow"
          Principal = { Service = "cloudfront.amazonaws.com" }
          Action    = "s3:GetObject"
          Resource  = [for keys in each.value.reads : "arn:aws:s3:::${each.value.bucket}/${keys}"]
          # This distribution. Without it anyone's distribution could read the bucket.
          Condition = { StringEquals = { "AWS:SourceArn" = aws_cloudfront_distribution.site.arn } }
        },
        # So that S3 answers 404 for what is not there, and not 403. No list can be had by it: the authorizer refuses `/`, and
        # removes the query from every request.
        {
          Sid       = "DistributionSeesWhatIsMissing"
          Effect    = "Allow"
          Principal = { Service = "cloudfront.amazonaws.com" }
          Action    = "s3:ListBucket"
          Resource  = ["arn:aws:s3:::${each.value.bucket}"]
          Condition = { StringEquals = { "AWS:SourceArn" = aws_cloudfront_distribution.site.arn } }
        },
      ],
      [
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = ["arn:aws:s3:::${each.value.bucket}", "arn:aws:s3:::${each.value.bucket}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ],
    )
  })

  depends_on = [aws_s3_bucket_public_access_block.objects]
}

resource "aws_kms_key" "objects" {
  count               = local.own_key ? 1 : 0
  description         = "Objects of ${var.name}"
  enable_key_rotation = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # Leaves the rest to IAM policies of this account; without it nobody could manage the key.
      {
        Sid       = "AccountAdministers"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      # Any distribution of this account, not this one alone: the distribution needs the bucket, the bucket this key, and a key
      # that named the distribution would close the circle. The bucket's policy names this distribution alone.
      {
        Sid       = "DistributionsDecrypt"
        Effect    = "Allow"
        Principal = { Service = "cloudfront.amazonaws.com" }
        Action    = "kms:Decrypt"
        Resource  = "*"
        Condition = { ArnLike = { "AWS:SourceArn" = "arn:aws:cloudfront::${local.account}:distribution/*" } }
      },
    ]
  })

  lifecycle {
    # Without the key the files are lost.
    prevent_destroy = true
  }
}
