//! What is written: the files of each form, and what must stand in a template whatever the variant.

#![allow(clippy::unwrap_used)] // the helpers of a test fail the test

mod sample;

use authorizer::{BucketId, RouteSettings, Who};
use aws::{Access, Audience, Behaviour, Deployment, Encryption, Extra, File, Form, Owner};
use sample::{KEY, bucket, chosen, code, member, one, route, several, split};

fn files(deployment: &Deployment) -> Vec<File> {
    aws::render(deployment, &code(deployment.choices.form)).unwrap()
}

fn names(files: &[File]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

fn template(deployment: &Deployment) -> String {
    files(deployment).into_iter().find(|file| file.name == "template.yaml").unwrap().text
}

/// The text of one resource, without comments.
fn resource<'t>(template: &'t str, id: &str) -> Vec<&'t str> {
    let lines = template.lines().skip_while(|line| *line != format!("  {id}:")).skip(1);
    let inside = lines.take_while(|line| line.is_empty() || line.starts_with("    ") || line.starts_with("  #"));
    inside.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

fn has(template: &str, id: &str, lines: &str) -> bool {
    let wanted: Vec<&str> = lines.split(" | ").collect();
    resource(template, id).windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn files_of_each_form() {
    assert_eq!(names(&files(&one())), ["template.yaml", "README.md"]);
    assert_eq!(names(&files(&split())), ["template.yaml", "edge.yaml", "README.md"]);
    let function = chosen(split(), |choices| choices.form = Form::CloudFrontFunction);
    let files = files(&function);
    assert_eq!(names(&files), ["template.yaml", "README.md", "keys.json"]);
    assert_eq!(files.iter().filter(|file| file.secret).map(|file| &file.name).collect::<Vec<_>>(), ["keys.json"]);
    assert_eq!(files[2].text, "[\n  {\"Key\":\"app\",\"Value\":\"0123456789abcdef0123456789abcdef\"}\n]\n");
    assert!(!format!("{files:?}{:?}", code(Form::CloudFrontFunction)).contains("0123456789abcdef"));
    for file in &files[..2] {
        assert!(!file.text.contains("0123456789abcdef"), "{}", file.name);
    }
}

#[test]
fn no_place_is_left_empty() {
    for (variant, deployment) in sample::variants() {
        let code = code(deployment.choices.form);
        let mut files = files(&deployment);
        for extra in [Extra::Serverless, Extra::Sam, Extra::Cdk, Extra::Terraform] {
            files.extend(aws::extra(&deployment, &code, extra).unwrap_or_default());
        }
        for file in files {
            for line in file.text.lines() {
                let mut parts = line.split('@').skip(1);
                let left = parts.find(|part| {
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                });
                assert!(left.is_none() || line.matches('@').count() < 2, "{variant}/{}: {line}", file.name);
                assert!(!line.ends_with(' '), "{variant}/{}: `{line}`", file.name);
            }
        }
    }
}

#[test]
fn what_holds_in_every_variant() {
    for (variant, deployment) in sample::variants() {
        let text = template(&deployment);
        let (bucket, distribution) = ("Bucket", "Distribution");
        if deployment.buckets[0].owner == Owner::Stack {
            for lines in [
                "DeletionPolicy: RetainExceptOnCreate | UpdateReplacePolicy: Retain",
                "BlockPublicAcls: true | BlockPublicPolicy: true | IgnorePublicAcls: true | RestrictPublicBuckets: true",
                "- ObjectOwnership: BucketOwnerEnforced",
                "- \"https://app.example.com\" | - \"https://admin.example.com\"",
                "DaysAfterInitiation: 7",
            ] {
                assert!(has(&text, bucket, lines), "{variant}: {lines}");
            }
        }
        assert!(has(&text, "BucketPolicy", "Bool: | aws:SecureTransport: \"false\""), "{variant}");
        let behaviours =
            resource(&text, distribution).iter().filter(|line| line.contains("TargetOriginId: objects")).count();
        let authorised =
            resource(&text, distribution).iter().filter(|line| line.contains("EventType: viewer-request")).count();
        assert_eq!(behaviours, authorised, "{variant}");
        assert_eq!(behaviours, aws::behaviours(&deployment).unwrap().len(), "{variant}");
        assert!(!text.contains("allow-all") && !text.contains("AccessControl: "), "{variant}");
        assert!(has(&text, distribution, "- ErrorCode: 403 | ErrorCachingMinTTL: 0"), "{variant}");
        for line in text.lines().filter(|line| line.contains("Principal: \"*\"")) {
            assert_eq!(line.trim(), "Principal: \"*\"", "{variant}");
        }
    }
}

#[test]
fn who_may_read() {
    let control = template(&one());
    let of_distribution = "StringEquals: | AWS:SourceArn: \
        !Sub arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}";
    assert!(has(&control, "BucketPolicy", of_distribution));
    assert_eq!(resource(&control, "BucketPolicy").iter().filter(|line| **line == "Effect: Allow").count(), 2);
    assert_eq!(control.matches("AWS:SourceArn").count(), 2);
    assert!(!control.contains("OriginAccessIdentity:\n"));
    let identity = template(&chosen(one(), |choices| choices.access = Access::Identity));
    assert!(has(&identity, "BucketPolicy", "CanonicalUser: !GetAtt OriginAccessIdentity.S3CanonicalUserId"));
    assert!(!identity.contains("OriginAccessControl"));
}

#[test]
fn the_version_is_named_by_the_code() {
    let deployment = one();
    let text = template(&deployment);
    let short = aws::Hash::of(b"edge").short();
    assert!(has(&text, "Distribution", &format!("LambdaFunctionARN: !Ref EdgeFunctionVersion{short}")));
    assert!(has(&text, &format!("EdgeFunctionVersion{short}"), "Type: AWS::Lambda::Version | DeletionPolicy: Retain"));
    assert!(text.contains(&format!("Default: edgepass/edge-{short}.zip")));
    assert!(has(&template(&split()), "Distribution", "LambdaFunctionARN: !Ref EdgeFunctionVersionArn"));
    assert!(!template(&split()).contains("AWS::Lambda::Version"));
}

#[test]
fn keys_for_encryption() {
    let own = template(&chosen(one(), |choices| choices.encryption = Encryption::OwnKey));
    assert!(has(&own, "Bucket", "KMSMasterKeyID: !GetAtt ObjectsKey.Arn | BucketKeyEnabled: true"));
    assert!(has(
        &own,
        "ObjectsKey",
        "ArnLike: | AWS:SourceArn: !Sub arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/*"
    ));
    // The circle that CloudFormation would refuse: the key must not know the distribution.
    assert!(
        resource(&own, "ObjectsKey").iter().all(|line| !line.contains("${Distribution}") && !line.contains("Bucket"))
    );
    assert!(has(&own, "RegionalFunctionRole", "Resource: !GetAtt ObjectsKey.Arn"));
    let given = template(&chosen(split(), |choices| choices.encryption = Encryption::Key(KEY.to_owned())));
    assert!(has(&given, "Bucket", &format!("KMSMasterKeyID: {KEY}")));
    assert!(has(&given, "RegionalFunctionRole", &format!("Resource: {KEY}")));
    assert!(!template(&one()).contains("kms:") && !template(&one()).contains("KMSMasterKeyID"));
}

#[test]
fn a_bucket_that_is_there_already() {
    let adopted = Deployment { buckets: vec![bucket("main", "eu-central-1", Owner::Adopted)], ..split() };
    let text = template(&adopted);
    assert!(!text.contains("AWS::S3::Bucket\n"));
    assert!(has(&text, "BucketPolicy", "Bucket: acme-main-files"));
    assert!(has(&text, "Distribution", "DomainName: acme-main-files.s3.eu-central-1.amazonaws.com"));
    assert!(text.contains("A bucket has one policy"));
    let readme = files(&adopted).into_iter().find(|file| file.name == "README.md").unwrap().text;
    assert!(readme.contains("put-public-access-block") && readme.contains("put-bucket-cors"));
}

#[test]
fn rights_are_as_narrow_as_keys_begin() {
    let mut deployment = several();
    deployment.site.routes[0].key = Some("inbox/{workspace}/{file}/{name}".to_owned());
    deployment.site.routes.truncate(2);
    let text = template(&deployment);
    assert!(has(&text, "RegionalFunctionRole", "Resource: | - !Sub \"${Bucket.Arn}/inbox/*\""));
    assert!(has(
        &text,
        "BucketPolicy",
        "Action: s3:GetObject | Resource: | - !Sub \"${Bucket.Arn}/inbox/*\" | Condition:"
    ));
    assert!(has(
        &text,
        "BucketPolicyYearBooks",
        "Action: s3:GetObject | Resource: | - !Sub \"${BucketYearBooks.Arn}/years/*\""
    ));
    // Wildcards and variables of policies are cut off, which only widens.
    deployment.site.routes[0].key = Some("in*box/{workspace}/{file}/{name}".to_owned());
    assert!(has(&template(&deployment), "RegionalFunctionRole", "Resource: | - !Sub \"${Bucket.Arn}/in*\""));
    // No uploads, no right to write.
    deployment.site.routes[0].upload = None;
    assert!(!template(&deployment).contains("s3:PutObject"));
}

#[test]
fn behaviours_in_order() {
    let list = aws::behaviours(&several()).unwrap();
    let shown: Vec<_> = list.iter().map(|one| (one.pattern.as_str(), one.bucket.0, one.audience)).collect();
    assert_eq!(
        shown,
        [
            ("/logo.svg", 0, Audience::Public),
            ("/public/drafts/*", 0, Audience::Private),
            ("/public/fonts/*", 0, Audience::AnyOrigin),
            ("/public/*", 0, Audience::Public),
            ("/years/*", 1, Audience::Private),
            ("*", 0, Audience::Private),
        ]
    );
    let first = |path: &str| list.iter().find(|one| one.takes(path)).map(|one| one.pattern.as_str());
    assert_eq!(first("/public/fonts/a"), Some("/public/fonts/*"));
    assert_eq!(first("/logo.svg"), Some("/logo.svg"));
    assert_eq!(first("/logo.svg2"), Some("*"));
    assert_eq!(first("/years"), Some("*"));
    let json = serde_json::to_value(&list[4]).unwrap();
    assert_eq!(json, serde_json::json!({"pattern": "/years/*", "bucket": 1, "audience": "private"}));
    assert_eq!(front::Behaviour::from(&list[4]), front::Behaviour { pattern: "/years/*".to_owned(), bucket: 1 });
}

#[test]
fn behaviours_that_are_needed() {
    let of = |routes: Vec<RouteSettings>| {
        let mut deployment = several();
        deployment.site.routes = routes;
        let list = aws::behaviours(&deployment).unwrap();
        list.into_iter()
            .map(|Behaviour { pattern, bucket: BucketId(bucket), audience }| (pattern, bucket, audience))
            .collect::<Vec<_>>()
    };
    let default = |audience| ("*".to_owned(), 0, audience);
    // Alike to the default: none of its own.
    assert_eq!(of(vec![route("a", "/a/{name...}", 0, member())]), [default(Audience::Private)]);
    assert_eq!(of(vec![]), [default(Audience::Private)]);
    // Private paths among public ones, for which nothing is told apart: private headers for all.
    let public = route("public", "/files/{name:slug}", 0, Who::Anyone);
    let private = route("private", "/files/{name:uuid}/{rest...}", 0, member());
    assert_eq!(of(vec![public.clone(), private]), [default(Audience::Private)]);
    assert_eq!(of(vec![public]), [("/files/*".to_owned(), 0, Audience::Public), default(Audience::Private)]);
    // All is public.
    assert_eq!(of(vec![route("all", "/{name...}", 0, Who::Anyone)]), [default(Audience::Public)]);
}
