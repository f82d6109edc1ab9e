//! Templates that do not start, each with its reason; and one that comes in two.

use crate::support::{Site, changed, fault, fault_of, template};

#[test]
fn each_with_its_reason() {
    let control = "OriginAccessControlId: !If [IsSigned, !GetAtt OriginAccessControl.Id, !Ref AWS::NoValue]";
    let edge = "Handler: index.handler\n      Timeout: 2";
    let with = |more: &str| format!("Handler: index.handler\n      Timeout: 2\n      {more}");
    for (from, to, code, words) in [
        (
            "LambdaFunctionARN: !Ref EdgeFunctionVersion1",
            "LambdaFunctionARN: !GetAtt EdgeFunction.Arn",
            "wrong",
            "a version's ARN alone",
        ),
        (edge, &with("Environment: { Variables: { A: b } }"), "wrong", "environment variables"),
        (edge, &with("Layers: [a]"), "wrong", "layers"),
        (edge, &with("VpcConfig: { SubnetIds: [a] }"), "wrong", "VPC"),
        (edge, &with("Architectures: [arm64]"), "wrong", "x86_64 alone"),
        (edge, "Handler: index.handler\n      Timeout: 6", "wrong", "5 seconds"),
        ("Runtime: nodejs22.x", "Runtime: provided.al2023", "wrong", "Node.js and Python alone"),
        ("Runtime: nodejs22.x", "Runtime: python3.13", "not_emulated", "python3.13"),
        ("EventType: viewer-request", "EventType: origin-request", "not_emulated", "origin-request"),
        ("IncludeBody: false", "IncludeBody: true", "not_emulated", "bodies"),
        (
            "OriginAccessIdentity: \"\"",
            "OriginAccessIdentity: origin-access-identity/cloudfront/E1",
            "wrong",
            "an access identity",
        ),
        (control, "OriginAccessControlId: !Ref BucketPolicy", "wrong", "names no access control"),
        ("SigningBehavior: always", "SigningBehavior: no-override", "not_emulated", "no-override"),
        ("!GetAtt Bucket.RegionalDomainName", "!GetAtt Bucket.DomainName", "not_emulated", "RegionalDomainName"),
        ("!GetAtt Bucket.RegionalDomainName", "third.s3.us-east-1.amazonaws.com", "missing", "`third`"),
        (
            "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            "658327ea-f89d-4fab-a63d-7e88639e58f6",
            "not_emulated",
            "`/_edgepass/*` needs a policy with MaxTTL 0",
        ),
        (
            "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            "00000000-0000-0000-0000-000000000000",
            "not_emulated",
            "managed policy",
        ),
        (
            "CachePolicyId: !Ref CachePolicy",
            "CachePolicyId: !Ref ResponseHeaders",
            "wrong",
            "AWS::CloudFront::ResponseHeadersPolicy",
        ),
        ("CachePolicyId: !Ref CachePolicy", "CachePolicyId: !Ref Nothing", "wrong", "names no resource"),
        ("AllowedMethods: [GET, HEAD, OPTIONS]", "AllowedMethods: [GET, POST]", "wrong", "all seven methods"),
        ("CachedMethods: [GET, HEAD]", "CachedMethods: [GET, HEAD, OPTIONS]", "not_emulated", "OPTIONS"),
        ("Compress: false", "TrustedKeyGroups: [a]", "not_emulated", "TrustedKeyGroups"),
        ("Compress: false", "ForwardedValues: { QueryString: true }", "not_emulated", "ForwardedValues"),
        ("TargetOriginId: own-endpoints", "TargetOriginId: none", "wrong", "names no origin"),
        (
            "AccessControlAllowHeaders: { Items: [Authorization, Range] }",
            "AccessControlAllowHeaders: { Items: [\"*\"] }",
            "wrong",
            "AccessControlAllowCredentials",
        ),
        ("PayloadFormatVersion: \"2.0\"", "PayloadFormatVersion: \"1.0\"", "not_emulated", "2.0"),
        ("Principal: apigateway.amazonaws.com", "Principal: s3.amazonaws.com", "wrong", "lets API Gateway invoke"),
        ("StageName: $default", "StageName: prod", "not_emulated", "$default"),
        ("{{resolve:secretsmanager:${OriginSecret}}}", "{{resolve:secretsmanager:other}}", "missing", "`other`"),
        ("MinTTL: 0", "MinTTL: 400", "wrong", "must not fall"),
        (
            "Type: AWS::CloudFront::Distribution",
            "Type: AWS::CloudFront::Other",
            "wrong",
            "no AWS::CloudFront::Distribution",
        ),
        ("DefaultTTL: 300", "DefaultTTL: soon", "wrong", "whole number"),
        ("Resources:", "Resources: {}\nOther:", "wrong", "no AWS::CloudFront::Distribution"),
        ("Resources:", "Sources:", "unreadable", "Resources"),
    ] {
        let fault = fault(&[(from, to)]);
        let text = fault.to_string();
        assert_eq!((fault.code(), text.contains(words)), (code, true), "{to}: {text}");
        assert!(
            text.starts_with("template.yaml") || text.starts_with("the templates") || text.starts_with("Regional"),
            "{text}"
        );
    }
}

#[test]
fn the_edge_is_in_one_region() {
    let mut elsewhere = template(changed(&[]));
    elsewhere.region = "eu-central-1".into();
    let fault = fault_of(vec![elsewhere]).to_string();
    assert!(fault.contains("us-east-1, not in eu-central-1"), "{fault}");
}

/// The edge function in a template of its own in us-east-1, its version by an output.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_templates() {
    let whole =
        changed(&[("LambdaFunctionARN: !Ref EdgeFunctionVersion1", "LambdaFunctionARN: !Ref EdgeFunctionVersionArn")]);
    let (before, rest) = whole.split_once("  EdgeFunction:\n").unwrap();
    let (function, after) = rest.split_once("  OriginSecret:\n").unwrap();
    let edge = format!(
        "Parameters: {{ CodeBucket: {{ Type: String, Default: code }} }}\nResources:\n  EdgeFunction:\n{function}\
         Outputs:\n  EdgeFunctionVersionArn: {{ Value: !Ref EdgeFunctionVersion1 }}\n"
    );
    let main = format!("{before}  OriginSecret:\n{after}");
    let main = main.replacen("Parameters:\n", "Parameters:\n  EdgeFunctionVersionArn: { Type: String }\n", 1);
    let mut main = template(main);
    main.region = "eu-central-1".into();
    let without = fault_of(vec![main.clone()]).to_string();
    assert!(without.contains("EdgeFunctionVersionArn"), "{without}");
    let site = Site::of(vec![template(edge), main]).await;
    site.put("a", "hello", &[]).await;
    assert_eq!(site.read("/a", &[]).await.text(), "hello");
    site.stop().await;
}
