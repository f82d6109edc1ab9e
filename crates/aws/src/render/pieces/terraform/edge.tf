# The authorizer: Lambda@Edge at viewer-request.

resource "aws_iam_role" "edge" {
  name_prefix = "${var.name}-edge-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      # Both: Lambda makes the function, Lambda@Edge copies and runs it.
      Principal = { Service = ["lambda.amazonaws.com", "edgelambda.amazonaws.com"] }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "edge_logs" {
  name = "logs"
  role = aws_iam_role.edge.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      # A copy logs in the region of the edge location that it runs at: any region, and no log group made beforehand.
      Effect   = "Allow"
      Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "arn:aws:logs:*:${local.account}:log-group:/aws/lambda/us-east-1.${var.name}-authorizer*"
    }]
  })
}

# Its whole configuration is in the package: at the edge there are no environment variables.
resource "aws_lambda_function" "edge" {
  provider         = aws.us_east_1
  function_name    = "${var.name}-authorizer"
  description      = "Edgepass authorizer at viewer-request"
  role             = aws_iam_role.edge.arn
  runtime          = "nodejs22.x"
  handler          = "index.handler"
  architectures    = ["x86_64"]
  memory_size      = 128
  timeout          = 5
  filename         = coalesce(var.edge_package, "${path.module}/../${local.edge_package}")
  source_code_hash = local.edge_package_hash
  # CloudFront takes nothing but a version, which never changes: other code is another version.
  publish = true
  # Copies at the edge last for hours after the distribution lets go of them, and until then deleting fails. It
  # stays behind, and is deleted by hand before a module of the same name is made again.
  skip_destroy = true
}
