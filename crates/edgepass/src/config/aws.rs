//! `[aws]`: how the site is deployed on AWS. The gateway does not look at it.

use aws::{Access, Choices, Encryption, Form, Layout, PriceClass, is_stack_name};

use super::faults::{Faults, Mistake};
use super::nearest::suggest;
use super::section::{Node, Section};
use super::settings::{Aws, Issuer};
use super::units::duration;

pub fn read(mut section: Section<'_>, buckets: &[&str], issuers: &[Issuer], faults: &mut Faults) -> Option<Aws> {
    let stack = section
        .require("stack", "names of what is made start with it: `stack = \"acme-files\"`", faults)
        .and_then(|node| node.parse("a name", faults, stack_name));
    let form =
        choice(section.get("form"), &[("lambda", Form::LambdaEdge), ("function", Form::CloudFrontFunction)], faults);
    let layout = choice(section.get("layout"), &[("one", Layout::One), ("split", Layout::Split)], faults);
    let access = choice(section.get("access"), &[("oac", Access::Control), ("oai", Access::Identity)], faults);
    let price_class = choice(
        section.get("price_class"),
        &[("100", PriceClass::Class100), ("200", PriceClass::Class200), ("all", PriceClass::All)],
        faults,
    );
    let encryption = section.get("kms").and_then(|node| {
        node.parse("\"create\" or a key's ARN", faults, |text| match text {
            "create" => Ok(Encryption::OwnKey),
            arn if arn.starts_with("arn:aws:kms:") => Ok(Encryption::Key(arn.to_owned())),
            other => Err(Mistake::new(format!("`{other}` where \"create\" or a key's ARN is wanted"))
                .hint("leave `kms` out for S3's own encryption")),
        })
    });
    let certificate = section.get("certificate").and_then(|node| {
        node.parse("a certificate's ARN", faults, |text| {
            if text.starts_with("arn:aws:acm:us-east-1:") {
                return Ok(text.to_owned());
            }
            Err(Mistake::new(format!("`{text}` is not the ARN of a certificate in us-east-1"))
                .hint("CloudFront takes certificates of ACM in us-east-1 alone"))
        })
    });
    let log_bucket = section.get("log_bucket").and_then(|node| node.text("a bucket's name", faults)).map(str::to_owned);
    let adopt = section.get("adopt").and_then(|node| {
        node.parse_list("a list of buckets of this file", faults, |name| {
            if buckets.contains(&name) {
                return Ok(name.to_owned());
            }
            let hint = suggest(name, buckets.iter().copied());
            Err(Mistake { message: format!("there is no `[bucket.{name}]`"), hint })
        })
    });
    let refresh_keys = section.get("refresh_keys").and_then(|node| {
        let every = node.parse("a duration such as \"1h\"", faults, duration)?;
        if every.as_secs() < 60 {
            faults.add(node.place, Mistake::new("key sets are fetched at most once a minute"));
        }
        if !issuers.iter().any(|issuer| issuer.source.is_remote()) {
            let mistake = Mistake::new("no issuer has a `jwks_url` or `discovery` to refresh from");
            faults.add(node.place, mistake.hint("remove `refresh_keys`, or give an issuer one of them"));
        }
        Some(every)
    });
    section.close(faults);
    let usual = Choices::of(&stack?);
    Some(Aws {
        choices: Choices {
            form: form.unwrap_or(usual.form),
            layout: layout.unwrap_or(usual.layout),
            access: access.unwrap_or(usual.access),
            encryption: encryption.unwrap_or(usual.encryption),
            price_class: price_class.unwrap_or(usual.price_class),
            certificate,
            log_bucket,
            stack: usual.stack,
        },
        adopt: adopt.unwrap_or_default(),
        refresh_keys,
    })
}

fn choice<T: Copy>(node: Option<Node<'_>>, choices: &[(&'static str, T)], faults: &mut Faults) -> Option<T> {
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    let wanted = format!("\"{}\"", names.join("\" or \""));
    node?.parse(&wanted, faults, |text| {
        let found = choices.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| *value).ok_or_else(|| Mistake {
            message: format!("`{text}` where {wanted} is wanted"),
            hint: suggest(text, names.iter().copied()),
        })
    })
}

fn stack_name(text: &str) -> Result<String, Mistake> {
    if is_stack_name(text) {
        return Ok(text.to_owned());
    }
    Err(Mistake::new(format!("`{text}` is not a stack's name"))
        .hint("at most 32 lower-case letters, digits and hyphens, a letter first"))
}
