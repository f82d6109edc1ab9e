//! What clients ask of a bucket in ordinary use, and the tags and ACLs of objects.

use crate::support::{BUCKET, Site, object};

#[tokio::test]
async fn what_a_bucket_is_set_to() {
    let site = Site::start().await;
    for (query, verdict, text) in [
        ("location", "200", "<LocationConstraint"),
        ("versioning", "200", "<VersioningConfiguration"),
        ("acl", "200", "<Permission>FULL_CONTROL</Permission>"),
        ("policy", "404 NoSuchBucketPolicy", ""),
        ("policyStatus", "404 NoSuchBucketPolicy", ""),
        ("tagging", "404 NoSuchTagSet", ""),
        ("lifecycle", "404 NoSuchLifecycleConfiguration", ""),
        ("encryption", "404 ServerSideEncryptionConfigurationNotFoundError", ""),
        ("replication", "404 ReplicationConfigurationNotFoundError", ""),
        ("website", "404 NoSuchWebsiteConfiguration", ""),
        ("object-lock", "404 ObjectLockConfigurationNotFoundError", ""),
        ("publicAccessBlock", "200", "<RestrictPublicBuckets>true</RestrictPublicBuckets>"),
        ("ownershipControls", "200", "<ObjectOwnership>BucketOwnerEnforced</ObjectOwnership>"),
        ("logging", "200", "<BucketLoggingStatus"),
        ("notification", "200", "<NotificationConfiguration"),
        ("accelerate", "200", "<AccelerateConfiguration"),
        ("requestPayment", "200", "<Payer>BucketOwner</Payer>"),
    ] {
        let got = site.ask("GET", &format!("/{BUCKET}?{query}")).signed().send().await;
        assert_eq!(got.verdict(), verdict, "{query}: {}", got.text());
        assert!(got.text().contains(text), "{query}: {}", got.text());
        let none = site.ask("GET", &format!("/none?{query}")).signed().send().await;
        assert_eq!(none.verdict(), "404 NoSuchBucket", "{query}");
    }
    for (method, query, body, verdict) in [
        (
            "PUT",
            "versioning",
            "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
            "501 NotImplemented",
        ),
        ("PUT", "policy", "{}", "501 NotImplemented"),
        ("DELETE", "policy", "", "204"),
        ("DELETE", "tagging", "", "204"),
        ("DELETE", "lifecycle", "", "204"),
    ] {
        let done = site.ask(method, &format!("/{BUCKET}?{query}")).body(body).signed().send().await;
        assert_eq!(done.verdict(), verdict, "{method} {query}: {}", done.text());
    }
}

#[tokio::test]
async fn acls_are_private() {
    let site = Site::start().await;
    site.put("a", "x").await;
    let acl = site.ask("GET", &format!("{}?acl", object("a"))).signed().send().await;
    assert!(acl.text().contains("<Permission>FULL_CONTROL</Permission>"), "{}", acl.text());
    for target in [format!("{}?acl", object("a")), format!("/{BUCKET}?acl")] {
        for (acl, verdict) in [("private", "200"), ("public-read", "400 AccessControlListNotSupported")] {
            let put = site.ask("PUT", &target).header("x-amz-acl", acl).signed().send().await;
            assert_eq!(put.verdict(), verdict, "{target} {acl}");
        }
        let own = site.ask("GET", &target).signed().send().await.text().to_owned();
        assert_eq!(site.ask("PUT", &target).body(own.clone()).signed().send().await.verdict(), "200", "{own}");
        let others = own.replace(">edgepass<", ">someone<");
        let put = site.ask("PUT", &target).body(others).signed().send().await;
        assert_eq!(put.verdict(), "400 AccessControlListNotSupported");
    }
    let none = site.ask("GET", &format!("{}?acl", object("none"))).signed().send().await;
    assert_eq!(none.verdict(), "404 NoSuchKey");
}

#[tokio::test]
async fn tags_of_an_object() {
    let site = Site::start().await;
    let put = site.ask("PUT", &object("a")).header("x-amz-tagging", "b=1&a=x%20y").body("x").signed().send().await;
    assert_eq!(put.status, 200);
    let target = format!("{}?tagging", object("a"));
    let get = || site.ask("GET", &target).signed().send();
    let tags = get().await;
    assert_eq!((tags.tags("Key"), tags.tags("Value")), (vec!["a".into(), "b".into()], vec!["x y".into(), "1".into()]));
    assert_eq!(site.get("a").await.header("x-amz-tagging-count"), "2");
    let xml = "<Tagging><TagSet><Tag><Key>c</Key><Value>2</Value></Tag></TagSet></Tagging>";
    assert_eq!(site.ask("PUT", &target).body(xml).signed().send().await.verdict(), "200");
    assert_eq!(get().await.tags("Key"), ["c"]);

    let source = object("a");
    let copy = || site.ask("PUT", &object("copy")).header("x-amz-copy-source", &source);
    let of_copy = || site.ask("GET", &format!("{}?tagging", object("copy"))).signed().send();
    assert_eq!(copy().signed().send().await.status, 200);
    assert_eq!(of_copy().await.tags("Key"), ["c"]);
    let replaced = copy().header("x-amz-tagging-directive", "REPLACE").header("x-amz-tagging", "d=").signed().send();
    assert_eq!(replaced.await.status, 200);
    assert_eq!(of_copy().await.tags("Key"), ["d"]);

    assert_eq!(site.ask("DELETE", &target).signed().send().await.status, 204);
    assert!(get().await.tags("Key").is_empty());
    let many: Vec<String> = (0..11).map(|n| format!("<Tag><Key>{n}</Key><Value/></Tag>")).collect();
    let xml = format!("<Tagging><TagSet>{}</TagSet></Tagging>", many.concat());
    assert_eq!(site.ask("PUT", &target).body(xml).signed().send().await.verdict(), "400 BadRequest");
    assert_eq!(site.get("a").await.text(), "x");
}
