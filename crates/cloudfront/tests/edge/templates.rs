//! The template of the tests, and the code of its functions.

pub const TEMPLATE: &str = r#"
Parameters:
  CodeBucket: { Type: String, Default: code }
  Signed: { Type: String, Default: "yes" }
Conditions:
  IsSigned: !Equals [!Ref Signed, "yes"]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Statement:
          - Effect: Allow
            Principal: { Service: cloudfront.amazonaws.com }
            Action: s3:GetObject
            Resource: !Sub "${Bucket.Arn}/*"
          - Effect: Allow
            Principal: { Service: cloudfront.amazonaws.com }
            Action: s3:ListBucket
            Resource: !GetAtt Bucket.Arn
  OriginAccessControl:
    Type: AWS::CloudFront::OriginAccessControl
    Properties:
      OriginAccessControlConfig:
        { Name: c, OriginAccessControlOriginType: s3, SigningBehavior: always, SigningProtocol: sigv4 }
  EdgeFunction:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      Timeout: 2
      Code: { S3Bucket: !Ref CodeBucket, S3Key: edge.zip }
  EdgeFunctionVersion1:
    Type: AWS::Lambda::Version
    Properties: { FunctionName: !Ref EdgeFunction }
  OriginSecret:
    Type: AWS::SecretsManager::Secret
  RegionalFunction:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Timeout: 2
      Environment:
        Variables:
          EDGEPASS_ORIGIN_SECRET: !Sub "{{resolve:secretsmanager:${OriginSecret}}}"
      Code: { S3Bucket: !Ref CodeBucket, S3Key: regional.zip }
  RegionalApi:
    Type: AWS::ApiGatewayV2::Api
    Properties: { Name: api, ProtocolType: HTTP }
  RegionalApiIntegration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref RegionalApi
      IntegrationType: AWS_PROXY
      IntegrationUri: !GetAtt RegionalFunction.Arn
      PayloadFormatVersion: "2.0"
  RegionalApiRoute:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref RegionalApi, RouteKey: $default, Target: !Sub "integrations/${RegionalApiIntegration}" }
  RegionalApiStage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: { ApiId: !Ref RegionalApi, StageName: $default, AutoDeploy: true }
  RegionalApiPermission:
    Type: AWS::Lambda::Permission
    Properties: { FunctionName: !Ref RegionalFunction, Action: lambda:InvokeFunction, Principal: apigateway.amazonaws.com }
  CachePolicy:
    Type: AWS::CloudFront::CachePolicy
    Properties:
      CachePolicyConfig:
        Name: c
        MinTTL: 0
        DefaultTTL: 300
        MaxTTL: 31536000
        ParametersInCacheKeyAndForwardedToOrigin:
          EnableAcceptEncodingGzip: false
          HeadersConfig: { HeaderBehavior: none }
          CookiesConfig: { CookieBehavior: none }
          QueryStringsConfig: { QueryStringBehavior: none }
  EverythingButHost:
    Type: AWS::CloudFront::OriginRequestPolicy
    Properties:
      OriginRequestPolicyConfig:
        Name: e
        HeadersConfig: { HeaderBehavior: allExcept, Headers: [Host] }
        CookiesConfig: { CookieBehavior: all }
        QueryStringsConfig: { QueryStringBehavior: all }
  ResponseHeaders:
    Type: AWS::CloudFront::ResponseHeadersPolicy
    Properties:
      ResponseHeadersPolicyConfig:
        Name: r
        CorsConfig:
          AccessControlAllowOrigins: { Items: ["https://app.example"] }
          AccessControlAllowCredentials: true
          AccessControlAllowMethods: { Items: [GET, HEAD, OPTIONS] }
          AccessControlAllowHeaders: { Items: [Authorization, Range] }
          AccessControlExposeHeaders: { Items: [ETag] }
          AccessControlMaxAgeSec: 7200
          OriginOverride: true
        SecurityHeadersConfig:
          ContentTypeOptions: { Override: true }
          ReferrerPolicy: { ReferrerPolicy: no-referrer, Override: true }
        CustomHeadersConfig:
          Items:
            - { Header: Cache-Control, Value: "private, no-cache", Override: true }
            - { Header: X-Kind, Value: files, Override: false }
  Distribution:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Enabled: true
        HttpVersion: http2and3
        Origins:
          - Id: objects
            DomainName: !GetAtt Bucket.RegionalDomainName
            OriginAccessControlId: !If [IsSigned, !GetAtt OriginAccessControl.Id, !Ref AWS::NoValue]
            S3OriginConfig: { OriginAccessIdentity: "" }
          - Id: own-endpoints
            DomainName: !Sub ${RegionalApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}
            CustomOriginConfig: { OriginProtocolPolicy: https-only }
            OriginCustomHeaders:
              - { HeaderName: edgepass-origin-secret, HeaderValue: !Sub "{{resolve:secretsmanager:${OriginSecret}}}" }
        CacheBehaviors:
          - PathPattern: /_edgepass/*
            TargetOriginId: own-endpoints
            ViewerProtocolPolicy: redirect-to-https
            AllowedMethods: [GET, HEAD, OPTIONS, PUT, PATCH, POST, DELETE]
            CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad
            OriginRequestPolicyId: !Ref EverythingButHost
          - PathPattern: /open/*.txt
            TargetOriginId: objects
            ViewerProtocolPolicy: https-only
            AllowedMethods: [GET, HEAD, OPTIONS]
            CachePolicyId: !Ref CachePolicy
          - PathPattern: /open/*
            TargetOriginId: objects
            ViewerProtocolPolicy: https-only
            CachePolicyId: !Ref CachePolicy
            ResponseHeadersPolicyId: !Ref ResponseHeaders
        DefaultCacheBehavior:
          TargetOriginId: objects
          ViewerProtocolPolicy: redirect-to-https
          AllowedMethods: [GET, HEAD, OPTIONS]
          CachedMethods: [GET, HEAD]
          Compress: false
          CachePolicyId: !Ref CachePolicy
          ResponseHeadersPolicyId: !Ref ResponseHeaders
          LambdaFunctionAssociations:
            - { EventType: viewer-request, LambdaFunctionARN: !Ref EdgeFunctionVersion1, IncludeBody: false }
        CustomErrorResponses:
          - { ErrorCode: 403, ErrorCachingMinTTL: 0 }
          - { ErrorCode: 404, ErrorCachingMinTTL: 0 }
"#;

/// Lets whoever has a token that begins with `good` through to the object that the path names; does on demand what it must not.
pub const EDGE: &str = r#"
import { spawn } from "node:child_process";

export const handler = async (event) => {
  const { request } = event.Records[0].cf;
  const asked = new URLSearchParams(request.querystring);
  const answer = (status, body, headers = {}) => ({ status, body, headers });
  switch (asked.get("do")) {
    case "throw": throw new Error("as asked");
    case "hang": return new Promise(() => setInterval(() => {}, 1000));
    case "spin": for (;;);
    case "exit": process.exit(3);
    case "event": return answer("200", JSON.stringify(event));
    case "environment": return answer("200", JSON.stringify(process.env));
    case "pids": {
      const child = spawn("sleep", ["1000"], { stdio: "ignore" });
      return answer("200", JSON.stringify([process.pid, child.pid]));
    }
    case "pid": return answer("200", String(process.pid));
    case "big": return answer("200", "x".repeat(Number(asked.get("size"))));
    case "header": return answer("200", "", { [asked.get("name")]: [{ value: "1" }] });
    case "host": request.headers.host = [{ key: "Host", value: "other" }]; return request;
    case "long": request.uri = "/" + "a".repeat(8192); return request;
    case "relative": request.uri = "a"; return request;
    case "number": return { status: 200 };
    case "nothing": return undefined;
    case "teapot": return answer("418", "short and stout", { "x-made": [{ key: "X-Made", value: "here" }] });
    case "keep": return request;
  }
  if (request.method === "OPTIONS") return { status: "204", headers: { "x-preflight": [{ value: "function" }] } };
  const token = request.headers.authorization?.[0].value ?? "";
  if (!token.startsWith("Bearer good")) return answer("403", "{}", { "content-type": [{ value: "application/json" }] });
  delete request.headers.authorization;
  delete request.headers.cookie;
  request.querystring = "";
  return request;
};
"#;

/// As a native function would: a program of its own that speaks the Runtime API. It tells what it got.
pub const BOOTSTRAP: &str = r#"#!/usr/bin/env node
const http = require("node:http");
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const call = (method, path, body) => new Promise((resolve, reject) => {
  const asked = http.request({ host, port, method, path: "/2018-06-01/runtime/invocation/" + path }, (answer) => {
    let text = "";
    answer.on("data", (part) => (text += part)).on("end", () => resolve([answer.headers, text]));
  });
  asked.on("error", reject).end(body);
});
(async () => {
  for (;;) {
    const [headers, text] = await call("GET", "next");
    const event = JSON.parse(text);
    const id = headers["lambda-runtime-aws-request-id"];
    if (event.rawPath.endsWith("/fail")) {
      await call("POST", id + "/error", JSON.stringify({ errorType: "Own", errorMessage: "as asked" }));
      continue;
    }
    const secret = event.headers["edgepass-origin-secret"] === process.env.EDGEPASS_ORIGIN_SECRET;
    const answer = {
      statusCode: secret ? 200 : 403,
      headers: { "content-type": "application/json", "x-deadline": headers["lambda-runtime-deadline-ms"] },
      cookies: ["a=1; Path=/", "b=2"],
      body: Buffer.from(JSON.stringify({ event, environment: process.env })).toString("base64"),
      isBase64Encoded: true,
    };
    await call("POST", id + "/response", JSON.stringify(answer));
  }
})().catch(() => process.exit(0));
"#;
