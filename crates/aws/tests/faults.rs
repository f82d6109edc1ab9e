//! What is refused, and that nothing else is.

mod sample;

use authorizer::RouteSettings;
use authorizer::Who;
use aws::{Access, Deployment, Encryption, Extra, Fault, Form, Layout, Owner};
use front::Carrier;
use sample::{CERTIFICATE, KEY, bucket, chosen, code, member, one, route, several, split};

/// The codes of the faults of a deployment.
fn codes(deployment: &Deployment) -> Vec<&'static str> {
    match aws::render(deployment, &code(deployment.choices.form)) {
        Ok(_) => Vec::new(),
        Err(faults) => {
            for fault in &faults {
                assert!(!fault.to_string().is_empty() && !fault.hint().is_empty());
                assert!(!fault.to_string().ends_with('.') && !fault.hint().ends_with('.'), "{fault}");
            }
            faults.iter().map(Fault::code).collect()
        }
    }
}

fn changed(mut deployment: Deployment, change: impl FnOnce(&mut Deployment)) -> Vec<&'static str> {
    change(&mut deployment);
    codes(&deployment)
}

#[test]
fn every_variant_is_taken() {
    for (name, deployment) in sample::variants() {
        assert_eq!(codes(&deployment), Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn names() {
    for name in ["", "Acme", "1acme", "acme_files", "a-name-of-more-than-thirty-two-characters"] {
        assert_eq!(changed(one(), |it| it.choices.stack = name.to_owned()), ["aws_stack_name"], "{name}");
    }
    for name in ["ab", "Acme", "-acme", "acme-", "acme_files"] {
        assert_eq!(changed(one(), |it| it.buckets[0].bucket = name.to_owned()), ["aws_bucket_name"], "{name}");
    }
    assert_eq!(changed(one(), |it| it.buckets.clear()), ["aws_no_bucket"]);
    let twice = |it: &mut Deployment| it.buckets[1].bucket = it.buckets[0].bucket.clone();
    assert_eq!(changed(several(), twice), ["aws_bucket_twice"]);
}

#[test]
fn regions() {
    assert_eq!(changed(one(), |it| it.buckets[0].region = "eu-central-1".to_owned()), ["aws_bucket_region"]);
    assert_eq!(changed(split(), |it| it.choices.layout = Layout::One), ["aws_bucket_region"]);
    assert_eq!(changed(several(), |it| it.buckets[1].region = "us-east-1".to_owned()), ["aws_bucket_region"]);
    assert_eq!(changed(split(), |it| it.buckets[0].region = "cn-north-1".to_owned()), ["aws_region_not_covered"]);
    // A CloudFront Function is made from any region, whatever the layout.
    let function = |it: &mut Deployment| (it.choices.layout, it.choices.form) = (Layout::One, Form::CloudFrontFunction);
    assert_eq!(changed(split(), function), Vec::<&str>::new());
}

#[test]
fn identities() {
    let identity = |it: &mut Deployment| it.choices.access = Access::Identity;
    assert_eq!(
        changed(chosen(one(), |choices| choices.encryption = Encryption::OwnKey), identity),
        ["aws_identity_with_kms"]
    );
    let buckets = vec![bucket("main", "il-central-1", Owner::Stack)];
    assert_eq!(changed(Deployment { buckets, ..split() }, identity), ["aws_identity_region"]);
}

#[test]
fn keys() {
    let key = |key: &str| Encryption::Key(key.to_owned());
    for bad in ["alias/files", "arn:aws:kms:eu-central-1:123456789012:alias/files", "arn:aws:kms:eu-central-1:12:key/1"]
    {
        assert_eq!(changed(split(), |it| it.choices.encryption = key(bad)), ["aws_key_arn"], "{bad}");
    }
    assert_eq!(changed(one(), |it| it.choices.encryption = key(KEY)), ["aws_key_region"]);
    let adopted = vec![bucket("main", "us-east-1", Owner::Adopted)];
    assert_eq!(
        changed(Deployment { buckets: adopted, ..one() }, |it| it.choices.encryption = Encryption::OwnKey),
        ["aws_key_for_nothing"]
    );
}

#[test]
fn certificates() {
    let elsewhere = CERTIFICATE.replace("us-east-1", "eu-central-1");
    assert_eq!(changed(one(), |it| it.choices.certificate = Some(elsewhere)), ["aws_certificate_region"]);
    assert_eq!(changed(one(), |it| it.choices.certificate = Some("a".to_owned())), ["aws_certificate_arn"]);
    for origin in ["http://files.example.com", "https://files.example.com:8443", "https://localhost"] {
        let change = |it: &mut Deployment| {
            it.choices.certificate = Some(CERTIFICATE.to_owned());
            it.site.origin = origin.to_owned();
        };
        assert_eq!(changed(one(), change), ["aws_certificate_site"], "{origin}");
    }
}

#[test]
fn logs() {
    let logged = || chosen(one(), |choices| choices.log_bucket = Some("acme-logs".to_owned()));
    assert_eq!(changed(logged(), |_| {}), Vec::<&str>::new());
    assert_eq!(changed(one(), |it| it.choices.log_bucket = Some("Logs".to_owned())), ["aws_log_bucket_name"]);
    let own = |it: &mut Deployment| it.choices.log_bucket = Some(it.buckets[0].bucket.clone());
    assert_eq!(changed(one(), own), ["aws_log_bucket_is_served"]);
    let in_query = |it: &mut Deployment| it.site.carriers.push(Carrier::Query("authorization".to_owned()));
    assert_eq!(changed(logged(), in_query), ["aws_logs_hold_tokens"]);
    assert_eq!(changed(one(), in_query), Vec::<&str>::new());
}

fn with_routes(routes: impl IntoIterator<Item = RouteSettings>) -> Vec<&'static str> {
    changed(several(), |it| it.site.routes = routes.into_iter().collect())
}

#[test]
fn buckets_that_cloudfront_cannot_tell_apart() {
    let years = || route("years", "/years/{year:int}/{name...}", 1, member());
    assert_eq!(with_routes([route("any", "/{a:uuid}/{name...}", 0, member()), years()]), Vec::<&str>::new());
    // A placeholder first, in another bucket than the first.
    assert_eq!(with_routes([route("any", "/{a:int}/{name...}", 1, member())]), ["aws_bucket_not_told_apart"]);
    // What an encoder may change is not told apart either.
    assert_eq!(with_routes([route("any", "/a b/{name...}", 1, member())]), ["aws_bucket_not_told_apart"]);
    // `/years/x` is in the first bucket, and CloudFront would look for it in the second; so would their caches.
    let all = route("all", "/{name...}", 0, member());
    assert_eq!(with_routes([all.clone(), years()]), ["aws_buckets_share_keys", "aws_buckets_share_paths"]);
    let typed = route("list", "/years/{name:slug}", 0, member());
    assert_eq!(with_routes([typed, years()]), ["aws_buckets_share_paths"]);
    // Taken in whole: nothing strays there. The keys alone still meet.
    let whole = route("years", "/years/{name...}", 1, member());
    assert_eq!(with_routes([all.clone(), whole.clone()]), ["aws_buckets_share_keys"]);
    let apart = RouteSettings { key: Some("all/{name}".to_owned()), ..all };
    assert_eq!(with_routes([apart, whole]), Vec::<&str>::new());
}

#[test]
fn keys_that_two_buckets_share() {
    let keyed = |name: &str, path: &str, bucket, key: &str| RouteSettings {
        key: Some(key.to_owned()),
        ..route(name, path, bucket, member())
    };
    for (key, other, shared) in [
        ("{a}/{name}", "{b}/{name}", true),
        ("{a}/{name}", "years/{b}/{name}", false),
        ("A/{name}", "{b}/{name}", false), // a slug has no capitals
        ("a/{name}", "{b}/{name}", true),
        ("x/{name}", "x/{b}/{name}", true),
    ] {
        let routes =
            [keyed("one", "/one/{a:uuid}/{name...}", 0, key), keyed("two", "/two/{b:slug}/{name...}", 1, other)];
        let expected: &[&str] = if shared { &["aws_buckets_share_keys"] } else { &[] };
        assert_eq!(with_routes(routes), expected, "{key} {other}");
    }
}

#[test]
fn any_origin_beside_others() {
    let any = |path: &str| RouteSettings { any_origin: true, ..route("any", path, 0, Who::Anyone) };
    let typed = any("/public/{name:slug}");
    let rest = route("rest", "/{name...}", 0, member());
    assert_eq!(with_routes([typed.clone(), rest.clone()]), ["aws_any_origin_not_told_apart"]);
    assert_eq!(with_routes([any("/public/{name...}"), rest]), Vec::<&str>::new());
    assert_eq!(with_routes([typed, route("rest", "/{a:uuid}/{name...}", 0, member())]), Vec::<&str>::new());
}

#[test]
fn every_fault_at_once() {
    let all = changed(one(), |it| {
        it.choices.stack = String::new();
        it.buckets[0].region = "eu-central-1".to_owned();
        it.choices.certificate = Some(String::new());
    });
    assert_eq!(all, ["aws_stack_name", "aws_bucket_region", "aws_certificate_arn"]);
}

#[test]
fn forms_that_do_not_fit() {
    let faults = aws::render(&one(), &code(Form::CloudFrontFunction)).unwrap_err();
    assert_eq!(faults.iter().map(Fault::code).collect::<Vec<_>>(), ["aws_code_of_other_form"]);
    for deployment in [
        chosen(one(), |choices| choices.access = Access::Identity),
        chosen(one(), |choices| choices.form = Form::CloudFrontFunction),
    ] {
        let faults = aws::extra(&deployment, &code(deployment.choices.form), Extra::Terraform).unwrap_err();
        assert_eq!(faults.iter().map(Fault::code).collect::<Vec<_>>(), ["aws_terraform_form"]);
    }
}

/// What a function on AWS cannot do is refused, never left out.
#[test]
fn what_needs_a_gateway() {
    use authorizer::{Circumstances, HookId, Network};
    let offices =
        || Circumstances { addresses: Some(vec![Network::parse("192.0.2.0/24").unwrap()]), ..Circumstances::default() };
    assert_eq!(changed(one(), |it| it.site.issuers[0].once = true), ["aws_one_time_tokens"]);
    assert_eq!(changed(one(), |it| it.site.routes[0].allow[0].hook = Some(HookId(0))), ["aws_hook"]);
    assert_eq!(changed(one(), |it| it.site.routes[0].hosts = vec!["a.example.com".to_owned()]), ["aws_hosts"]);
    let of_uploads = |it: &mut Deployment| {
        let rows = it.site.routes.iter_mut().flat_map(|route| &mut route.allow);
        rows.filter(|row| row.action == authorizer::Action::Upload).for_each(|row| row.circumstances = offices());
    };
    assert_eq!(changed(one(), of_uploads), ["aws_uploads_by_address"]);
    let of_reads = |it: &mut Deployment| it.site.routes[0].allow[0].circumstances = offices();
    assert_eq!(changed(one(), of_reads), Vec::<&str>::new());
}
