# The function behind /_edgepass/*: sessions and signed uploads.

resource "aws_cloudwatch_log_group" "regional" {
  name              = "/aws/lambda/${var.name}-regional"
  retention_in_days = 30
}

resource "aws_iam_role" "regional" {
  name_prefix = "${var.name}-regional-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

locals {
  uploads = flatten([
    for bucket in local.buckets : [for keys in bucket.uploads : "arn:aws:s3:::${bucket.bucket}/${keys}"]
  ])
}

resource "aws_iam_role_policy" "regional" {
  name = "regional"
  role = aws_iam_role.regional.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.regional.arn}:*"]
      }],
      # What it signs can do no more than it could itself: put objects where routes take uploads.
      [for objects in [local.uploads] : {
        Sid      = "Uploads"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = objects
      } if length(objects) > 0],
      # Through S3 alone. Decrypt is for uploads in parts, which S3 puts together.
      [for key in local.key_arn[*] : {
        Sid       = "UploadsEncrypted"
        Effect    = "Allow"
        Action    = ["kms:GenerateDataKey"]
        Resource  = [key]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
      } if length(local.uploads) > 0],
    )
  })
}

resource "aws_lambda_function" "regional" {
  function_name    = "${var.name}-regional"
  description      = "Edgepass sessions and signed uploads"
  role             = aws_iam_role.regional.arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = ["x86_64"]
  memory_size      = 256
  timeout          = 15
  filename         = coalesce(var.regional_package, "${path.module}/../${local.regional_package}")
  source_code_hash = local.regional_package_hash
  environment {
    variables = {
      EDGEPASS_ORIGIN_SECRET = var.origin_secret
    }
  }
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.regional.name
  }
}

# CORS is the function's, not the API's.
resource "aws_apigatewayv2_api" "regional" {
  name          = var.name
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "regional" {
  api_id                 = aws_apigatewayv2_api.regional.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.regional.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 16000
}

resource "aws_apigatewayv2_route" "regional" {
  api_id    = aws_apigatewayv2_api.regional.id
  route_key = "$default"
  # The function looks at the origin's secret, and then at the bearer's token.
  authorization_type = "NONE"
  target             = "integrations/${aws_apigatewayv2_integration.regional.id}"
}

resource "aws_cloudwatch_log_group" "api" {
  # Under this name deliveries need no growing resource policy.
  name              = "/aws/vendedlogs/${var.name}-api"
  retention_in_days = 30
}

resource "aws_apigatewayv2_stage" "regional" {
  api_id      = aws_apigatewayv2_api.regional.id
  name        = "$default"
  auto_deploy = true
  # Requests a second. What is refused here costs no invocation.
  default_route_settings {
    throttling_rate_limit  = 100
    throttling_burst_limit = 200
  }
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    # Neither query nor headers: tokens travel there.
    format = jsonencode({
      id      = "$context.requestId"
      time    = "$context.requestTime"
      ip      = "$context.identity.sourceIp"
      method  = "$context.httpMethod"
      path    = "$context.path"
      status  = "$context.status"
      bytes   = "$context.responseLength"
      latency = "$context.responseLatency"
      error   = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_lambda_permission" "regional" {
  function_name = aws_lambda_function.regional.function_name
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.regional.execution_arn}/*/$default"
}
